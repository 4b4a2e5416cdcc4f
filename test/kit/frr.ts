import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { netnsTransport } from '../../src/firewalls/nftables/reach/local-transport.ts';
import type { Outcome, Transport } from '../../src/firewalls/nftables/reach/transport.ts';
import type { Namespace } from './netns.ts';

const PROGRAMS = '/usr/lib/frr';
/** It runs as the user of the tests, who may be root of a user namespace and nobody else: FRR wants them in its group. */
const USER = ['-u', 'root', '-g', 'root'] as const;
const AS_MEMBER = 'log=$1; shift; mount --bind "$0" /etc/group && exec "$@" 2>>"$log"';
const DAEMONS = ['zebra', 'bgpd'] as const;

/** FRR of Debian in a namespace, with files and sockets of its own. What systemd does on a machine is done here by hand. */
export class Frr {
  readonly file: string;
  /** What programs were called, in order, with their arguments. */
  readonly calls: string[] = [];
  /** Called instead of the reload, if there is one. */
  onReload: (() => Promise<void> | Outcome) | undefined;
  readonly #namespace: Namespace;
  readonly #folder: string;
  readonly #daemons: ChildProcess[] = [];

  constructor(namespace: Namespace, configuration = '') {
    this.#namespace = namespace;
    this.#folder = mkdtempSync(join(tmpdir(), 'sallyport-frr-'));
    mkdirSync(join(this.#folder, 'etc'));
    this.file = join(this.#folder, 'etc/frr.conf');
    writeFileSync(join(this.#folder, 'etc/vtysh.conf'), '');
    const groups = readFileSync('/etc/group', 'utf8').replace(/^frrvty:.*$/m, 'frrvty:x:0:root');
    writeFileSync(join(this.#folder, 'group'), groups);
    writeFileSync(this.file, configuration, { mode: 0o640 });
  }

  /** Starts the daemons, which read the file. */
  async start(): Promise<void> {
    for (const daemon of DAEMONS) {
      const place = (name: string): string => join(this.#folder, name);
      const program = [`${PROGRAMS}/${daemon}`, ...USER, '-i', place(`${daemon}.pid`), '-z', place('zserv.api')];
      const files = ['--vty_socket', this.#folder, '-f', '/dev/null', '--log', `file:${place(`${daemon}.log`)}`];
      const words = ['-m', '--', 'sh', '-c', AS_MEMBER, place('group'), place('errors'), ...program, ...files];
      this.#daemons.push(this.#namespace.start('unshare', words));
      await vi.waitFor(() => expect(existsSync(place(`${daemon}.vty`))).toBe(true), { timeout: 20_000, interval: 50 });
    }
    await this.vtysh('-b');
  }

  /** Of this machine alone, as if it were its own. */
  transport(): Transport {
    const inside = netnsTransport(this.#namespace.name, this.#folder);
    const here = ['--vty_socket', this.#folder, '--config_dir', join(this.#folder, 'etc')];
    const note = (program: string, args: readonly string[]): void => void this.calls.push([program, ...args].join(' '));
    return {
      ...inside,
      run: async (program, args, signal, options) => {
        note(program, args);
        if (program === 'vtysh') return inside.run(program, [...here, ...args], signal, options);
        if (program !== 'systemctl') return inside.run(program, args, signal, options);
        if (args[0] === 'is-active') return { code: this.#daemons.length > 0 ? 0 : 3, stdout: '', stderr: '' };
        const instead = await this.onReload?.();
        if (instead !== undefined) return instead;
        return inside.run(`${PROGRAMS}/frr-reload.py`, this.#reloadWords(), signal, options);
      },
      runWithFile: (program, args, text, signal) => {
        note(program, args);
        return inside.runWithFile(program, program === 'vtysh' ? [...here, ...args] : args, text, signal);
      },
    };
  }

  vtysh(...words: readonly string[]): Promise<string> {
    return this.#namespace.must('vtysh', [
      '--vty_socket',
      this.#folder,
      '--config_dir',
      join(this.#folder, 'etc'),
      ...words,
    ]);
  }

  /** How often sessions came up, and went down again, by neighbour. */
  async sessions(): Promise<
    Readonly<Record<string, { readonly up: number; readonly down: number; readonly is: string }>>
  > {
    const summary = JSON.parse(await this.vtysh('-c', 'show bgp ipv4 unicast summary json')) as {
      readonly peers?: Readonly<
        Record<string, { state: string; connectionsEstablished: number; connectionsDropped: number }>
      >;
    };
    return Object.fromEntries(
      Object.entries(summary.peers ?? {}).map(([name, peer]) => [
        name,
        { up: peer.connectionsEstablished, down: peer.connectionsDropped, is: peer.state },
      ]),
    );
  }

  stop(): void {
    for (const daemon of this.#daemons.splice(0).toReversed()) daemon.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #reloadWords(): readonly string[] {
    const etc = join(this.#folder, 'etc');
    return [
      '--reload',
      '--bindir',
      '/usr/bin',
      '--confdir',
      etc,
      '--rundir',
      this.#folder,
      '--vty_socket',
      this.#folder,
      this.file,
    ];
  }
}

/** A switch with two links to a machine, as a partition has it: sessions over links without addresses. */
export const LEAF = `frr defaults datacenter
hostname leaf
interface swp1
 ipv6 nd ra-interval 1
 no ipv6 nd suppress-ra
!
interface swp2
 ipv6 nd ra-interval 1
 no ipv6 nd suppress-ra
!
router bgp 4200000001
 bgp router-id 10.1.0.2
 no bgp ebgp-requires-policy
 neighbor MACHINES peer-group
 neighbor MACHINES remote-as external
 neighbor MACHINES timers 2 8
 neighbor swp1 interface peer-group MACHINES
 neighbor swp2 interface peer-group MACHINES
 address-family ipv6 unicast
  neighbor MACHINES activate
 exit-address-family
 address-family l2vpn evpn
  neighbor MACHINES activate
 exit-address-family
!
`;
