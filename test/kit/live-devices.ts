/** Simulated devices in a test's own process, for controllers in processes of theirs: what they hold, what reached them, and writes that are held. */
import { FortiGate } from '../../simulators/fortigate/index.ts';
import { PanOs, Panorama } from '../../simulators/panos/index.ts';

const ACCOUNT = { name: 'bot', password: 'pw', role: 'superuser' } as const;
const BLOCK = { position: 'First', form: 'Full', securityProfile: 'none' };

/** A write whose answer is kept back. */
export interface Held {
  /** Resolves when it has arrived. */
  readonly arrived: Promise<void>;
  readonly letGo: () => void;
}

/** One device, as a BorderFirewall names it and a test judges it. */
export interface LiveDevice extends AsyncDisposable {
  /** Of the BorderFirewall. */
  readonly spec: object;
  /** Of the Secret with its credentials. */
  readonly secret: Readonly<Record<string, string>>;
  /** Whether a packet from this address to 203.0.113.7, TCP port 443, passes now, on every firewall of it. */
  passes(source: string): boolean;
  /** Whether it passes on any firewall of it. */
  passesAnywhere(source: string): boolean;
  /** Requests so far that may change something, in words; a lock or a transaction that is given back is none. */
  writes(): readonly string[];
  /** What is ours there, and what waits to be: text that is equal where nothing changed. */
  dump(): string;
  /** Keeps back the answer to the next write whose words match. */
  hold(matches: RegExp): Held;
}

/** One promise of a write that is held, and who is told of it. */
class Holding {
  readonly writes: string[] = [];
  #next: { readonly matches: RegExp; readonly arrived: () => void; readonly until: Promise<void> } | undefined;

  hold(matches: RegExp): Held {
    let letGo = (): void => undefined;
    const until = new Promise<void>((resolve) => (letGo = resolve));
    const arrived = new Promise<void>((resolve) => (this.#next = { matches, arrived: resolve, until }));
    return { arrived, letGo };
  }

  /** Until when the answer to a write is held; `undefined`: it is not. */
  take(write: string): Promise<void> | undefined {
    this.writes.push(write);
    const held = this.#next;
    if (held?.matches.test(write) !== true) return undefined;
    this.#next = undefined;
    held.arrived();
    return held.until;
  }
}

export async function liveFortiGate(): Promise<LiveDevice> {
  const device = await FortiGate.start({ version: '7.4.8' });
  device.hand.settings('system/settings', { 'central-nat': 'enable' });
  const holding = new Holding();
  device.faults.take = (method, url) => {
    if (method === 'GET' || url.includes('transaction-abort')) return undefined;
    const until = holding.take(`${method} ${url}`);
    return until && { kind: 'held', until };
  };
  const passes = (source: string): boolean => {
    const flow = { source, destination: '203.0.113.7', protocol: 6, sourcePort: 50_000, destinationPort: 443 };
    return device.wouldPass({ ...flow, from: 'port2', to: 'port1' }).verdict === 'accept';
  };
  return {
    spec: {
      driver: 'fortigate',
      address: device.url,
      tls: { pin: device.fingerprint },
      options: { ...BLOCK, log: 'All', zones: { from: ['port2'], to: ['port1'] } },
    },
    secret: { token: device.token },
    passes,
    passesAnywhere: passes,
    writes: () => holding.writes,
    dump: () =>
      `${device.dump()}\n${[...device.live.feeds.state('root', 'payers').entries.values()].map(({ text }) => text).join()}`,
    hold: (matches) => holding.hold(matches),
    [Symbol.asyncDispose]: () => device[Symbol.asyncDispose](),
  };
}

/** What of the requests to a PAN-OS or Panorama is a write. */
function panosWrite(parameters: ReadonlyMap<string, string>): string | undefined {
  const [type, action, cmd] = ['type', 'action', 'cmd'].map((name) => parameters.get(name) ?? '');
  if (type === 'commit' || type === 'user-id') return [type, action, parameters.get('target')].join(' ').trim();
  if (type === 'config') return action === 'get' || action === 'show' ? undefined : `config ${action}`;
  return type === 'op' && cmd?.includes('<config-lock><add>') ? 'config-lock' : undefined;
}

function followed(device: PanOs | Panorama): Holding {
  const holding = new Holding();
  device.faults.take = (parameters) => {
    const write = panosWrite(parameters);
    const until = write === undefined ? undefined : holding.take(write);
    return until && { kind: 'held', until };
  };
  return holding;
}

const PANOS_FLOW = {
  destination: '203.0.113.7',
  protocol: 'tcp',
  destinationPort: 443,
  from: 'k8s',
  to: 'internet',
} as const;
const passesOn = (device: PanOs, source: string): boolean =>
  device.passes({ ...PANOS_FLOW, source }).verdict === 'pass';

export async function livePanOs(): Promise<LiveDevice> {
  const device = await PanOs.start({ accounts: [ACCOUNT], zones: ['k8s', 'internet'], commitMs: 50 });
  const holding = followed(device);
  return {
    spec: panosSpec(device, {}),
    secret: { user: ACCOUNT.name, password: ACCOUNT.password },
    passes: (source) => passesOn(device, source),
    passesAnywhere: (source) => passesOn(device, source),
    writes: () => holding.writes,
    dump: () => `${device.dump()}\n${device.dumpRegistered()}`,
    hold: (matches) => holding.hold(matches),
    [Symbol.asyncDispose]: () => device[Symbol.asyncDispose](),
  };
}

const FIRST_PUSH =
  '<commit-all><shared-policy><device-group><entry name="edge"/></device-group><include-template>yes</include-template></shared-policy></commit-all>';

/** A device group of two firewalls, to which was pushed once. */
export async function livePanorama(): Promise<LiveDevice> {
  const device = await Panorama.start({ accounts: [ACCOUNT], commitMs: 50, deviceGroups: [{ name: 'edge' }] });
  const firewalls = await Promise.all(
    ['007951000000001', '007951000000002'].map((serial) => PanOs.start({ serial, accounts: [ACCOUNT], commitMs: 50 })),
  );
  for (const firewall of firewalls) device.manage(firewall, { group: 'edge', zones: ['k8s', 'internet'] });
  device.byHand({ type: 'commit', action: 'all', cmd: FIRST_PUSH }, ACCOUNT.name);
  const holding = followed(device);
  return {
    spec: panosSpec(device, { deviceGroup: 'edge' }),
    secret: { user: ACCOUNT.name, password: ACCOUNT.password },
    passes: (source) => firewalls.every((firewall) => passesOn(firewall, source)),
    passesAnywhere: (source) => firewalls.some((firewall) => passesOn(firewall, source)),
    writes: () => holding.writes,
    dump: () =>
      [device, ...firewalls].map((one) => `${one.dump()}\n`).join('') +
      firewalls.map((one) => one.dumpRegistered()).join('\n'),
    hold: (matches) => holding.hold(matches),
    async [Symbol.asyncDispose]() {
      await device[Symbol.asyncDispose]();
      for (const firewall of firewalls) await firewall[Symbol.asyncDispose]();
    },
  };
}

function panosSpec({ url, fingerprint }: PanOs | Panorama, more: object): object {
  return {
    driver: 'panos',
    address: url,
    tls: { pin: fingerprint },
    options: { ...BLOCK, log: 'None', zones: { from: ['k8s'], to: ['internet'] }, ...more },
  };
}
