import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FirewallMachine } from '../../../../test/kit/firewall-machine.ts';
import { firewall, smallMachine } from '../../../../test/kit/machine.ts';
import { systemClock } from '../../../base/clock.ts';
import { silentLog } from '../../../base/log.ts';
import { netnsTransport } from '../../../firewalls/nftables/reach/local-transport.ts';
import type { MachineInput } from '../../../machine/ruleset.ts';
import type { DutyEvent } from '../reports/duty-events.ts';
import { HostDuties } from './host-duties.ts';

const signal = new AbortController().signal;
const inputOf = (spec: string): MachineInput => smallMachine(firewall(spec)).input;

describe('duties on the machine itself', () => {
  let world: FirewallMachine;
  let folder: string;
  let input: MachineInput | undefined;
  let duties: HostDuties;
  const told: DutyEvent[] = [];
  const keys = (): string => join(folder, 'ssh/authorized_keys');
  const sysctl = (name: string): string => join(folder, name);

  beforeAll(async () => {
    world = await FirewallMachine.open();
  });
  afterAll(() => world.close());
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sallyport-host-test-'));
    mkdirSync(join(folder, 'ssh'));
    for (const name of ['proc/sys/net/netfilter/nf_conntrack_max', 'sys/module/nf_conntrack/parameters/hashsize']) {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(sysctl(name), '262144\n');
    }
    told.splice(0);
    duties = new HostDuties({
      input: () => input,
      transport: netnsTransport(world.machine.name, folder),
      sshKeys: keys(),
      root: `${folder}/`,
      tell: (event) => told.push(event),
      clock: systemClock,
      log: silentLog,
    });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const addresses = async (): Promise<readonly string[]> => {
    const shown = await world.machine.must('ip', ['-o', 'addr', 'show', 'dev', 'vlan104009', 'scope', 'global']);
    return [...shown.matchAll(/inet6? (\S+)/g)].map(([, address = '']) => address).toSorted();
  };

  test('addresses of egress rules come and go, of both families, again and again', async () => {
    const before = await addresses();
    input = inputOf('{ egressRules: [{ networkID: internet, ips: [203.0.113.7, "2001:db8:100::7"] }] }');
    for (let n = 0; n < 3; n++) await duties.look(signal);
    expect(await addresses()).toEqual([...before, '2001:db8:100::7/128', '203.0.113.7/32'].toSorted());
    // Somebody outside reaches the machine there at once: IPv6 waits for nobody to object.
    expect(await world.internet.ping({ from: '2001:db8:100::9', to: '2001:db8:100::7' })).toBe(true);
    input = inputOf('{ egressRules: [{ networkID: internet, ips: [203.0.113.8] }] }');
    await duties.look(signal);
    expect(await addresses()).toEqual([...before, '203.0.113.8/32'].toSorted());
    input = inputOf('{ dryRun: true }');
    await duties.look(signal);
    input = undefined;
    await duties.look(signal);
    expect(await addresses()).toEqual([...before, '203.0.113.8/32'].toSorted());
    input = inputOf('{}');
    await duties.look(signal);
    expect(await addresses()).toEqual(before);
  });

  test('SSH keys: those that are named, readable for the one they are for; none are no wish', async () => {
    chownSync(join(folder, 'ssh'), 1234, 1235);
    input = inputOf('{ sshPublicKeys: ["ssh-ed25519 AAAA a\\n", "ssh-ed25519 BBBB b", "no\\u0000key", 7] }');
    await duties.look(signal);
    expect(readFileSync(keys(), 'utf8')).toBe('ssh-ed25519 AAAA a\nssh-ed25519 BBBB b');
    const { uid, gid, mode } = statSync(keys());
    expect([uid, gid, mode & 0o777]).toEqual([1234, 1235, 0o600]);
    input = inputOf('{ sshPublicKeys: [] }');
    await duties.look(signal);
    expect(readFileSync(keys(), 'utf8')).toContain('BBBB');
  });

  test('the table of connections is as large as today’s; one duty that fails stops no other', async () => {
    rmSync(sysctl('sys'), { recursive: true });
    input = inputOf('{ sshPublicKeys: ["ssh-ed25519 AAAA a"] }');
    await duties.look(signal);
    expect(readFileSync(sysctl('proc/sys/net/netfilter/nf_conntrack_max'), 'utf8')).toBe('4194304');
    expect(readFileSync(keys(), 'utf8')).toBe('ssh-ed25519 AAAA a');
  });

  test('what fails is an event when it begins and when it becomes another failure, and not at each look', async () => {
    const ipv4 =
      '{ egressRules: [{ networkID: internet, ips: [203.0.113.7] }], sshPublicKeys: ["ssh-ed25519 AAAA a"] }';
    input = inputOf(ipv4);
    rmSync(sysctl('sys'), { recursive: true });
    rmSync(join(folder, 'ssh'), { recursive: true });
    const hashsize = sysctl('sys/module/nf_conntrack/parameters/hashsize');
    const missing = (call: string): string => `this machine refused a file: ENOENT: no such file or directory, ${call}`;
    const lost = [`sysctls: ${missing(`open '${hashsize}'`)}`, `SSH keys: ${missing(`stat '${join(folder, 'ssh')}'`)}`];
    for (let n = 0; n < 3; n++) await duties.look(signal);
    const [event, ...others] = told.splice(0);
    expect([event, others]).toEqual([{ type: 'Warning', reason: 'Error', note: lost.join('; ') }, []]);

    // An address that the kernel does not take, on an interface that is there: what failed before is not told with it again.
    await world.machine.must('ip', ['link', 'set', 'vlan104009', 'name', 'away']);
    for (let n = 0; n < 3; n++) await duties.look(signal);
    await world.machine.must('ip', ['link', 'set', 'away', 'name', 'vlan104009', 'up']);
    const away = 'ip -j addr show dev vlan104009: Device "vlan104009" does not exist.';
    expect(told.splice(0)).toEqual([{ type: 'Warning', reason: 'Error', note: `addresses of vlan104009: ${away}` }]);

    // Mended and broken again is another time.
    mkdirSync(join(folder, 'ssh'));
    await duties.look(signal);
    rmSync(join(folder, 'ssh'), { recursive: true });
    for (let n = 0; n < 3; n++) await duties.look(signal);
    expect(told).toEqual([{ type: 'Warning', reason: 'Error', note: lost[1] }]);
  });
});
