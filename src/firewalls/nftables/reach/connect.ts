import { localTransport, netnsTransport } from './local-transport.ts';
import { sshTransport } from './ssh-transport.ts';
import type { DeviceAddress, Transport } from './transport.ts';

export interface ConnectOptions {
  /** A private folder (mode 0700) of this machine: temporary files, the home of children, ssh's control socket. */
  readonly directory: string;
  /** `SSH_AUTH_SOCK`, where there is an agent. */
  readonly agentSocket?: string;
}

/** The transport for an address. Does not touch the device yet. */
export function connect(address: DeviceAddress, options: ConnectOptions): Transport {
  switch (address.kind) {
    case 'local':
      return localTransport(options.directory);
    case 'netns':
      return netnsTransport(address.name, options.directory);
    case 'ssh':
      return sshTransport(address, options);
  }
}
