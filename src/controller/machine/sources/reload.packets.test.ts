import { createHash, generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { RunningMachine } from '../../../../test/kit/running-machine.ts';
import { cwnp, firewall, smallMachine } from '../../../../test/kit/machine.ts';
import { systemClock } from '../../../base/clock.ts';
import { netnsTransport } from '../../../firewalls/nftables/reach/local-transport.ts';
import { CLOSED_TABLE, tableLines, textOf } from '../../../machine/table-text.ts';
import { NameStateFile } from '../dns/name-state.ts';
import { KernelTable } from '../kernel-table.ts';
import { Accounting } from '../monitor/accounting.ts';
import { MachineMonitor } from '../monitor/machine-monitor.ts';
import { RuleWriter } from '../rule-writer.ts';

let machine: RunningMachine;
beforeAll(async () => {
  machine = await RunningMachine.open();
});
afterEach(() => machine.reset());
afterAll(() => machine.close());

const own = (port: number, source = 'static'): string => `sources:
  static: { cwnp: { egress: [{ to: [{ cidr: 0.0.0.0/0 }], ports: [{ port: ${port} }] }] } }
  shoot: { kubeconfig: ./not-there-yet.yaml, namespace: firewall }
controllers: { firewall: { source: static }, cwnp: { source: ${source} } }`;
const eventually = (port: number, expected: boolean) =>
  expect.poll(() => machine.passes(port), { timeout: 20_000 }).toBe(expected);
const kept = () => expect.poll(() => machine.logged.some((line) => line.includes('nothing is known of shoot/')));

test('another source that was never heard takes nothing away, while running and over a restart', async () => {
  machine.configure(own(443));
  await machine.start();
  await eventually(443, true);
  const good = machine.rules();
  machine.configure(own(443, 'shoot'));
  await kept().toBe(true);
  await pause(1_000);
  expect([machine.rules(), await machine.passes(443)]).toEqual([good, true]);
  await machine.stop();
  await machine.boot();
  machine.logged.splice(0);
  await machine.start();
  await kept().toBe(true);
  expect([machine.rules(), await machine.passes(443), await machine.passes(80)]).toEqual([good, true, false]);
  machine.configure(own(80));
  await eventually(80, true);
  expect(await machine.passes(443)).toBe(false);
});

test('rules at a place that no start of the machine loads leave closed ones where it does', async () => {
  const at = (name: string): string => join(machine.folder, name);
  const wanted = (file: string): string =>
    own(443).replace('static: {', () => `static: { firewall: { ipv4RuleFile: ${at(file)} },`);
  const isClosed = (): Promise<boolean> =>
    machine.world.machine.must('nft', ['list', 'chain', 'inet', 'firewall', 'forward']).then(
      (text) => text.includes('policy drop'),
      () => false,
    );
  machine.configure(wanted('elsewhere.v4'));
  await machine.start();
  await expect.poll(() => existsSync(at('elsewhere.v4')), { timeout: 20_000 }).toBe(true);
  await eventually(443, true);
  await expect.poll(() => readFileSync(at('nftables/rules'), 'utf8'), { timeout: 20_000 }).toContain('policy accept');
  await machine.stop();
  await machine.boot();
  expect([await isClosed(), await machine.passes(80), await machine.passes(443)]).toEqual([true, false, false]);
  // By hand, and while it runs.
  await machine.start();
  await eventually(443, true);
  rmSync(machine.file);
  await expect.poll(() => machine.rulesIfThere(), { timeout: 20_000 }).toContain('policy drop');
  machine.configure(wanted('nftables/other.v4'));
  await expect.poll(() => readdirSync(at('nftables')).toSorted(), { timeout: 20_000 }).toEqual(['other.v4', 'rules']);
  await expect.poll(() => existsSync(at('elsewhere.v4')), { timeout: 20_000 }).toBe(false);
  machine.configure(own(443));
  await expect
    .poll(() => readdirSync(at('nftables')).toSorted(), { timeout: 20_000 })
    .toEqual(['firewall-controller.v4', 'rules']);
  expect(machine.rules()).toContain('dport { 443 }');
});

test('closed ones stand there as soon as rules are written elsewhere, though nobody looks again', async () => {
  const kernel = new KernelTable(netnsTransport(machine.world.machine.name, machine.folder));
  const writer = new RuleWriter({ kernel, baseFile: join(machine.folder, 'nftables/rules'), log: machine.log });
  const { signal } = new AbortController();
  const elsewhere = join(machine.folder, 'elsewhere.v4');
  const lines = tableLines(smallMachine(cwnp('p', '{ ingress: [{ ports: [{ port: 80 }] }] }')).ruleset);
  await writer.close(machine.file, signal);
  for (const file of [machine.file, elsewhere]) await writer.write({ lines, file, dryRun: false }, signal);
  kernel.stop();
  expect([machine.rules(), readFileSync(elsewhere, 'utf8')]).toEqual([CLOSED_TABLE, textOf(lines)]);
});

test('base rules are not written over by a Firewall that names their file', async () => {
  const base = join(machine.folder, 'nftables/rules');
  machine.configure(own(443).replace('static: {', () => `static: { firewall: { ipv4RuleFile: ${base} },`));
  await machine.start();
  await expect.poll(() => machine.rulesIfThere(), { timeout: 20_000 }).toContain('dport { 443 }');
  await eventually(443, true);
  expect(readFileSync(base, 'utf8')).toContain('table inet metal');
  expect(readFileSync(base, 'utf8')).not.toContain('table inet firewall');
  // Diagnostics are told when the rules are in force already.
  await expect
    .poll(() => machine.logged.filter((line) => line.includes('base rules, which')))
    .toEqual([expect.stringContaining('ipv4RuleFile')]);
});

test('rules that somebody else made stay until all is known', async () => {
  machine.configure(own(443));
  await machine.start();
  await eventually(443, true);
  await machine.stop();
  const theirs = machine.rules().replaceAll('accept traffic for np static', 'accept traffic for np theirs');
  await machine.reset();
  writeFileSync(machine.file, theirs);
  machine.configure(own(80, 'shoot'));
  await machine.boot();
  await machine.start();
  await kept().toBe(true);
  expect(machine.rules()).toBe(theirs);
});

test('networks that nobody ever told hold nothing up; once they are known, rules without them are worse', async () => {
  const facts = join(machine.folder, 'install.yaml');
  const known = readFileSync(facts, 'utf8');
  rmSync(facts);
  machine.configure(own(443));
  await machine.start();
  await eventually(443, true);
  // What is taken back is taken back, also by the next process.
  machine.configure(own(80));
  await eventually(80, true);
  expect(await machine.passes(443)).toBe(false);
  await machine.stop();
  machine.configure(own(443));
  await machine.start();
  await eventually(443, true);
  expect(await machine.passes(80)).toBe(false);
  writeFileSync(facts, known);
  await expect.poll(() => machine.rules(), { timeout: 20_000 }).toContain('"vlan42"');
  const good = machine.rules();
  for (const [worse, because] of [
    [known.replace('privateprimaryunshared', 'super'), 'private primary network of this machine'],
    ['hostname: fw-1\nnetworks: []\n', 'networks of this machine'],
  ] as const) {
    machine.logged.splice(0);
    writeFileSync(facts, worse);
    machine.configure(own(80));
    await expect.poll(() => machine.logged.join('\n'), { timeout: 20_000 }).toContain(`nothing is known of ${because}`);
    expect(machine.rules()).toBe(good);
  }
});

test.each([
  ['no file', undefined],
  ['an empty file', ''],
  ['a file that was cut off', '# rules\ntable inet firewall {\n}\n'],
  [
    'rules that accept',
    'table inet firewall {\n\tchain forward {\n\t\ttype filter hook forward priority 1; policy accept;\n\t}\n}\n',
  ],
  ['rules of somebody else', 'table inet other {\n}\n'],
])('a machine that knows nothing is closed from the first moment and at the next start, with %s', async (_, rules) => {
  const base = join(machine.folder, 'nftables/rules');
  writeFileSync(
    base,
    'table inet metal {\n    chain forward {\n        type filter hook forward priority 0; policy accept;\n    }\n}\n',
  );
  writeFileSync(machine.file, rules ?? '');
  await machine.boot();
  if (rules === undefined) rmSync(machine.file);
  expect(await machine.passes(443)).toBe(true);
  machine.configure(`sources: { seed: { kubeconfig: ./none }, shoot: { kubeconfig: ./none } }
controllers: { firewall: { source: seed }, cwnp: { source: shoot }, service: { source: shoot }, monitor: { source: shoot } }`);
  const controller = await machine.start();
  await expect.poll(() => machine.rulesIfThere()).toContain('policy drop');
  expect([await machine.passes(443), controller.ready().ready]).toEqual([false, false]);
  await machine.stop();
  await machine.boot();
  expect(await machine.passes(443)).toBe(false);
});

test('sources of all types at once; one that goes out of the file is not asked any more', async () => {
  const objects = join(machine.folder, 'objects.yaml');
  writeFileSync(
    objects,
    firewall('{}') + cwnp('web', '{ egress: [{ to: [{ cidr: 0.0.0.0/0 }], ports: [{ port: 443 }] }] }'),
  );
  const text = (service: string): string => `sources:
  own: { manifests: ./objects.yaml }
  shoot: { kubeconfig: ./none }
controllers: { firewall: { source: own }, cwnp: { source: own }${service} }`;
  machine.configure(text(', service: { source: shoot }'));
  await machine.start();
  // Services were never known here, and nothing was in force before: the rest goes on.
  await eventually(443, true);
  machine.configure(text(''));
  await expect.poll(() => machine.logged.some((line) => line.includes('CONFIG_SOURCE_UNUSED'))).toBe(true);
  await pause(1_000);
  machine.logged.splice(0);
  await pause(2_500);
  // Rules that come into force late are told late.
  expect(machine.logged.filter((line) => line.includes('shoot'))).toEqual([]);
});

test('where figures go, and what signs them, follows the file while running; a slip in it changes nothing', async () => {
  const { signal } = new AbortController();
  const at = (name: string): string => join(machine.folder, name);
  const keyOf = (name: string): KeyObject => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    writeFileSync(at(name), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    return publicKey;
  };
  const [first, second] = [keyOf('first.pem'), keyOf('second.pem')];
  const read = (name: string, key: KeyObject): readonly { machine: string; number: number; previous: string }[] =>
    (existsSync(at(name)) ? readFileSync(at(name), 'utf8').trim().split('\n') : []).map((line) => {
      const { record, signature } = JSON.parse(line) as { record: string; signature: string };
      expect(verify(null, Buffer.from(record), key, Buffer.from(signature, 'base64'))).toBe(true);
      return JSON.parse(record) as { machine: string; number: number; previous: string };
    });
  const accounting = (file: string, key: string): readonly string[] => [
    `accounting: { file: ./${file}, key: ./${key} }`,
  ];
  machine.configure(own(443));
  const controller = await machine.start();
  await eventually(443, true);
  const figures = new Accounting({
    wish: () => controller.configuration.machine.accounting,
    machine: () => controller.configuration.name,
  });
  const monitor = new MachineMonitor({
    transport: netnsTransport(machine.world.machine.name, machine.folder),
    ids: undefined,
    connections: '/proc/sys/net/netfilter',
    accounting: figures,
    times: () => controller.times,
    clock: systemClock,
    log: machine.log,
  });
  await monitor.look(signal);
  expect(figures.isWanted).toBe(false);

  machine.configure(own(443), 'fw-1', accounting('a', 'first.pem'));
  await expect.poll(() => figures.isWanted).toBe(true);
  for (let n = 0; n < 2; n++) await monitor.look(signal);
  expect(read('a', first).map(({ number }) => number)).toEqual([0, 1]);

  machine.configure(own(443), 'fw-2', accounting('b', 'second.pem'));
  await expect.poll(() => controller.configuration.name).toBe('fw-2');
  await monitor.look(signal);
  const last = JSON.parse(readFileSync(at('a'), 'utf8').trim().split('\n').at(-1) ?? '') as { record: string };
  const previous = createHash('sha256').update(last.record).digest('base64');
  // One chain, wherever its records are: what lies elsewhere does not look as if it had never been.
  expect(read('b', second)).toMatchObject([{ machine: 'fw-2', number: 2, previous }]);

  machine.configure('sources: [', 'fw-2');
  await expect.poll(() => machine.logged.join('\n')).toContain('cannot be used any more');
  await monitor.look(signal);
  expect([read('a', first).length, read('b', second).length]).toEqual([2, 2]);

  machine.configure(own(443), 'fw-2');
  await expect.poll(() => figures.isWanted).toBe(false);
  await monitor.look(signal);
  expect([read('a', first).length, read('b', second).length]).toEqual([2, 2]);
});

test('base rules, and what is remembered, go where the configuration file says now', async () => {
  const at = (name: string): string => join(machine.folder, name);
  const has = (name: string) => expect.poll(() => existsSync(at(name)), { timeout: 20_000 });
  machine.configure(own(443));
  const controller = await machine.start();
  await eventually(443, true);
  await has('memory/sources.json').toBe(true);
  // The installation left one there, and the kernel has ours before the file has.
  await expect.poll(() => readFileSync(at('nftables/rules'), 'utf8')).toContain('written by sallyport');
  const [base, memory] = ['nftables/rules', 'memory/sources.json'].map((name) => readFileSync(at(name), 'utf8'));

  const moved = ['base: ./nftables/base', 'memory: ./elsewhere/sources.json'];
  machine.configure(own(443), 'fw-1', [...moved, 'announceDistance: true', 'frr: ./frr.conf']);
  await has('elsewhere/sources.json').toBe(true);
  // A start of the machine would load both.
  await has('nftables/rules').toBe(false);
  expect([readFileSync(at('nftables/base'), 'utf8'), readFileSync(at('elsewhere/sources.json'), 'utf8')]).toEqual([
    base,
    memory,
  ]);
  expect(controller.configuration.machine.announceDistance).toBe(true);
  await expect.poll(() => controller.frr?.path).toBe(at('frr.conf'));
  expect(await machine.passes(443)).toBe(true);

  // What somebody else wrote is his; a place that takes nothing is told, and changes no rules.
  writeFileSync(at('nftables/base'), `${base}# mine\n`);
  machine.configure(own(443), 'fw-1', ['base: ./nftables/rules', 'memory: ./install.yaml/sources.json']);
  await has('nftables/rules').toBe(true);
  await expect.poll(() => machine.logged.join('\n')).toContain('what sources say cannot be written down');
  await expect.poll(() => machine.logged.join('\n')).toContain('the base rules are at another place now');
  expect(readFileSync(at('nftables/base'), 'utf8')).toContain('# mine');
  expect(await machine.passes(443)).toBe(true);
});

test('what names resolve to is kept where the configuration file says now, though nothing new is learnt', async () => {
  let file = join(machine.folder, 'names.yaml');
  machine.configure(own(443).replace('to: [{ cidr: 0.0.0.0/0 }]', 'toFQDNs: [{ matchName: bank.example.org }]'));
  await machine.start(() => new NameStateFile(() => file));
  const isThere = () => expect.poll(() => existsSync(file), { timeout: 30_000 });
  await isThere().toBe(true);
  const text = readFileSync(file, 'utf8');
  file = join(machine.folder, 'elsewhere/names.yaml');
  await isThere().toBe(true);
  expect(readFileSync(file, 'utf8')).toBe(text);
});
