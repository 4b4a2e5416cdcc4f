import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { FirewallMachine } from '../../../test/kit/firewall-machine.ts';
import { cwnp, FACTS, firewall, smallMachine } from '../../../test/kit/machine.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import { netnsTransport } from '../../firewalls/nftables/reach/local-transport.ts';
import { CLOSED_TABLE, type TableLines, tableLines, textOf } from '../../machine/table-text.ts';
import { parseConfiguration } from '../configuration/configuration.ts';
import { KernelTable } from './kernel-table.ts';
import { MachineController } from './machine-controller.ts';
import { RuleWriter } from './rule-writer.ts';
import { SourceMemory } from './sources/memory.ts';

const signal = new AbortController().signal;

/** Base rules of a machine as it is installed: nothing is forwarded but what its allocation says. */
const BASE = `# base rules
table inet metal {
    chain input {
        type filter hook input priority 0; policy accept;
    }
    chain forward {
        type filter hook forward priority 0; policy drop;
        ct state established,related counter accept comment "stateful forward"
    }
}
`;

describe('the rules of a machine, in its kernel', () => {
  let world: FirewallMachine;
  let folder: string;
  let kernel: KernelTable;
  let writer: RuleWriter;
  let file: string;
  let baseFile: string;
  const stop: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    world = await FirewallMachine.open();
    for (const port of [80, 443]) await world.internet.listenTcp('0.0.0.0', port);
  });
  afterAll(async () => {
    await world.close();
  });
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sallyport-machine-test-'));
    mkdirSync(join(folder, 'nftables'));
    file = join(folder, 'nftables/firewall-controller.v4');
    baseFile = join(folder, 'nftables/rules');
    writeFileSync(baseFile, BASE, { mode: 0o640 });
    await world.load(BASE);
    // Time stands still: however slow a reading was, the next one is not put off.
    kernel = new KernelTable(netnsTransport(world.machine.name, folder), new FakeClock());
    writer = new RuleWriter({ kernel, baseFile, log: silentLog });
  });
  afterEach(async () => {
    for (const end of stop.splice(0)) await end();
    rmSync(folder, { recursive: true, force: true });
  });

  const out = (port: number): string =>
    cwnp(`out-${port}`, `{ egress: [{ to: [{ cidr: 0.0.0.0/0 }], ports: [{ port: ${port} }] }] }`);
  const lines = (objects: string): readonly TableLines[] => tableLines(smallMachine(objects).ruleset);
  const write = (objects: string) => writer.write({ lines: lines(objects), file, dryRun: false }, signal);
  const passes = async (port: number): Promise<boolean> =>
    (await world.cluster.tcp({ from: '10.0.0.10', to: '198.51.100.9', port })).outcome === 'passed';
  const policy = async (): Promise<string | undefined> => kernel.basePolicy(signal);

  describe('the central writer', () => {
    test('opens the base rules after ours are there, in the kernel and in the files', async () => {
      expect(await passes(443)).toBe(false);
      expect(await write(out(443))).toEqual({ change: 'replaced', leftOut: [] });
      expect([await passes(443), await passes(80), await policy()]).toEqual([true, false, 'accept']);
      expect(readFileSync(file, 'utf8')).toBe(textOf(lines(out(443))));
      expect(readFileSync(baseFile, 'utf8')).toBe(BASE.replace('policy drop', 'policy accept'));
      expect(readdirSync(join(folder, 'nftables')).toSorted()).toEqual(['firewall-controller.v4', 'rules']);
    });

    test('changes what differs and nothing else: rules that stay go on counting', async () => {
      await write(out(443));
      await passes(443);
      const counted = await world.packets('accept traffic for np out-443 tcp');
      expect(counted).toBeGreaterThan(0);
      for (let n = 0; n < 100; n++)
        expect((await write(n % 2 === 0 ? out(443) + out(80) : out(443))).change).toBe('changed');
      expect(await world.packets('accept traffic for np out-443 tcp')).toBe(counted);
      expect(await write(out(443))).toEqual({ change: 'nothing', leftOut: [] });
    });

    test('any rules to any others: the kernel holds what a fresh load would', async () => {
      const worlds = [
        '',
        out(443),
        firewall('{ egressRules: [{ networkID: internet, ips: [203.0.113.7] }] }') + out(443) + out(80),
        firewall('{ internalPrefixes: [10.0.0.0/8], rateLimits: [{ networkID: internet, rate: 5 }] }') + out(80),
        cwnp('named', '{ egress: [{ toFQDNs: [{ matchName: example.org }], ports: [{ port: 443 }] }] }') + out(80),
        firewall('{ internalPrefixes: [10.0.0.0/16, "fd00::/8"], logAcceptedConnections: true }') + out(443),
      ];
      const shown = async (): Promise<string> =>
        (await world.machine.must('nft', ['-n', 'list', 'table', 'inet', 'firewall'])).replaceAll(
          /packets \d+ bytes \d+/g,
          'packets',
        );
      const fresh: string[] = [];
      for (const objects of worlds) {
        await world.load(textOf(lines(objects)));
        fresh.push((await shown()).split('\n').toSorted().join('\n'));
      }
      await world.load(BASE);
      const done: string[] = [];
      for (const [from] of worlds.entries())
        for (const [to, objects] of worlds.entries()) {
          await write(worlds[from] ?? '');
          done.push((await write(objects)).change);
          const text = await shown();
          expect(text.split('\n').toSorted().join('\n'), `${from} to ${to}`).toBe(fresh[to]);
        }
      expect(new Set(done)).toEqual(new Set(['nothing', 'changed']));
    });

    test('a process that begins anew keeps what was counted, and drops no connection', async () => {
      await write(out(443));
      await world.cluster.openTcp('long', { from: '10.0.0.10', to: '198.51.100.9', port: 443 });
      const counted = await world.packets('accept traffic for np out-443 tcp');
      const next = new KernelTable(netnsTransport(world.machine.name, folder));
      const again = new RuleWriter({ kernel: next, baseFile, log: silentLog });
      expect((await again.write({ lines: lines(out(443)), file, dryRun: false }, signal)).change).toBe('replaced');
      expect(await world.packets('accept traffic for np out-443 tcp')).toBe(counted);
      const before = (await world.cluster.stream('long')).received;
      await expect.poll(async () => (await world.cluster.stream('long')).received).toBeGreaterThan(before);
      await world.cluster.close('long');
    });

    test('what nft refuses is left out with its object alone, and told', async () => {
      const good = lines(out(443));
      const at = good.findIndex(({ owner }) => owner !== undefined);
      const bad = { owner: 'ClusterwideNetworkPolicy/firewall/bad' };
      const spoilt = [
        ...good.slice(0, at),
        { ...bad, lines: ['tcp dport { 443 } counter accept comment "bad"'] },
        { ...bad, lines: ['ip saddr { nonsense'] },
        ...good.slice(at),
      ];
      const { leftOut } = await writer.write({ lines: spoilt, file, dryRun: false }, signal);
      expect(leftOut.map(({ code, object }) => `${code} ${object}`)).toEqual([
        'MACHINE_RULES_REFUSED ClusterwideNetworkPolicy/firewall/bad',
      ]);
      expect(readFileSync(file, 'utf8')).toBe(textOf(good));
      expect(await passes(443)).toBe(true);
    });

    test('a ruleset that is wrong in itself changes nothing', async () => {
      await write(out(443));
      const wrong = [...lines(out(80)), { lines: ['nonsense'] }];
      await expect(writer.write({ lines: wrong, file, dryRun: false }, signal)).rejects.toMatchObject({
        code: 'MACHINE_RULES_REFUSED',
      });
      expect([await passes(443), await passes(80)]).toEqual([true, false]);
      expect(readFileSync(file, 'utf8')).toBe(textOf(lines(out(443))));
    });

    test('a dry run checks alone', async () => {
      expect(await writer.write({ lines: lines(out(443)), file, dryRun: true }, signal)).toEqual({
        change: 'checked',
        leftOut: [],
      });
      expect([await passes(443), await policy(), readdirSync(join(folder, 'nftables'))]).toEqual([
        false,
        'drop',
        ['rules'],
      ]);
    });

    test('hand edits are put back, in the kernel and on disk', async () => {
      await write(out(443));
      await world.machine.must('nft', [
        'insert',
        'rule',
        'inet',
        'firewall',
        'forward',
        'tcp',
        'dport',
        '80',
        'accept',
      ]);
      writeFileSync(file, 'table inet firewall {\n}\n');
      expect(await passes(80)).toBe(true);
      await writer.repair(signal);
      expect([await passes(443), await passes(80)]).toEqual([true, false]);
      expect(readFileSync(file, 'utf8')).toBe(textOf(lines(out(443))));
      expect(writer.standing.repairs).toEqual({ kernel: 1, file: 1, base: 0 });
      await world.machine.must('nft', ['flush', 'ruleset']);
      await writer.repair(signal);
      await writer.repair(signal);
      expect([await passes(443), await passes(80)]).toEqual([true, false]);
      expect(writer.standing).toMatchObject({ late: 0, repairs: { kernel: 2, file: 1 } });
    });
  });

  describe('before anything is known', () => {
    const open = BASE.replace('policy drop', 'policy accept');

    test('a missing table is closed, and the next start of the machine with it', async () => {
      await world.load(open);
      expect(await passes(443)).toBe(true);
      expect(await writer.close(file, signal)).toBe(false);
      expect(await passes(443)).toBe(false);
      expect(readFileSync(file, 'utf8')).toBe(CLOSED_TABLE);
    });

    test('the last good rules come back from the file', async () => {
      writeFileSync(file, textOf(lines(out(443))));
      await world.load(open);
      expect(await writer.close(file, signal)).toBe(true);
      expect([await passes(443), await passes(80)]).toEqual([true, false]);
    });

    test('a file that nft would refuse goes: with it a start would load no rules at all', async () => {
      writeFileSync(file, 'table inet firewall { nonsense\n');
      await world.load(open);
      expect(await writer.close(file, signal)).toBe(false);
      expect(await passes(443)).toBe(false);
      expect(readFileSync(file, 'utf8')).toBe(CLOSED_TABLE);
    });

    test('a table that is there and at rest (`dormant`), so that it closes nothing, is woken up', async () => {
      await world.load(open + textOf(lines(out(443))));
      await world.machine.must('nft', ['add', 'table', 'inet', 'firewall', '{ flags dormant; }']);
      expect(await passes(80)).toBe(true);
      await writer.close(file, signal);
      expect([await passes(443), await passes(80)]).toEqual([true, false]);
    });

    test('a table that is there stays as it is', async () => {
      await world.load(open + textOf(lines(out(443))));
      await writer.close(file, signal);
      expect([await passes(443), await passes(80)]).toEqual([true, false]);
    });
  });

  describe('the controller', () => {
    const configure = (text: string): void =>
      writeFileSync(
        join(folder, 'config.yaml'),
        `name: fw-1\n${text}\nmachine: { facts: ./install.yaml, rules: ${file}, base: ${baseFile} }\n`,
      );
    const own = (port: number): string =>
      `sources: { static: { cwnp: { egress: [{ to: [{ cidr: 0.0.0.0/0 }], ports: [{ port: ${port} }] }] } } }\ncontrollers: { firewall: { source: static }, cwnp: { source: static } }`;
    const folders =
      'sources: { own: { manifests: ./objects } }\ncontrollers: { firewall: { source: own }, cwnp: { source: own } }';
    const objects = (name: string, text: string): void => writeFileSync(join(folder, 'objects', name), text);

    beforeEach(() => {
      writeFileSync(join(folder, 'install.yaml'), FACTS);
      mkdirSync(join(folder, 'objects'));
    });

    const start = (): MachineController => {
      const path = join(folder, 'config.yaml');
      const parse = (text: string) => parseConfiguration(text, path, { readFile: () => '', environment: {} });
      const { value } = parse(readFileSync(path, 'utf8'));
      if (value?.machine === undefined) throw new Error('no machine');
      const controller = new MachineController({
        configuration: { ...value, machine: value.machine },
        file: path,
        parse,
        writer,
        memory: new SourceMemory(join(folder, 'memory/sources.json'), silentLog),
        environment: {},
        clock: systemClock,
        log: silentLog,
      });
      const end = new AbortController();
      const ended = controller.run(end.signal);
      stop.push(async () => {
        end.abort();
        await ended;
      });
      return controller;
    };
    const eventually = (port: number, expected: boolean) => expect.poll(() => passes(port)).toBe(expected);

    test('follows what stands in its configuration file, and keeps the rules over a slip in it', async () => {
      configure(own(443));
      const controller = start();
      await expect.poll(() => controller.ready().ready).toBe(true);
      expect([await passes(443), await passes(80)]).toEqual([true, false]);
      configure(own(80));
      await eventually(80, true);
      expect(await passes(443)).toBe(false);
      configure('sources: [');
      configure('nonsense: true');
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      expect([await passes(80), await passes(443)]).toEqual([true, false]);
      configure(own(443));
      await eventually(443, true);
    });

    test('follows a folder; what cannot be read, is gone or empty leaves the rules as they were', async () => {
      configure(folders);
      objects('firewall.yaml', firewall('{}'));
      objects('policies.yaml', out(443));
      const controller = start();
      await expect.poll(() => controller.ready().ready).toBe(true);
      expect(await passes(443)).toBe(true);
      objects('policies.yaml', `${out(443)}${out(80)}`);
      await eventually(80, true);
      for (const spoil of [
        () => objects('policies.yaml', 'a: ['),
        () => objects('firewall.yaml', ''),
        () => rmSync(join(folder, 'objects'), { recursive: true }),
        () => mkdirSync(join(folder, 'objects')),
      ]) {
        spoil();
        await new Promise((resolve) => setTimeout(resolve, 1_300));
        expect([await passes(443), await passes(80)]).toEqual([true, true]);
      }
      objects('firewall.yaml', firewall('{}'));
      objects('policies.yaml', out(80));
      await eventually(443, false);
      expect(await passes(80)).toBe(true);
    });

    test('a rule file that can be neither read nor written keeps no change of rules from the kernel', async () => {
      configure(own(443));
      const controller = start();
      await expect.poll(() => controller.ready().ready).toBe(true);
      rmSync(file);
      mkdirSync(file);
      await expect.poll(() => controller.rulesState).toBe('lastGood');
      configure(own(80));
      await eventually(443, false);
      expect(await passes(80)).toBe(true);
    });

    test('a source that says nothing keeps the rules of the process before', async () => {
      writeFileSync(file, textOf(lines(out(443))));
      configure('sources: { seed: { kubeconfig: ./none } }\ncontrollers: { firewall: { source: seed } }');
      const controller = start();
      await eventually(443, false); // the base rules are closed still
      await world.machine.must('nft', ['chain', 'inet', 'metal', 'forward', '{ policy accept; }']);
      await eventually(443, true);
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      expect([await passes(443), await passes(80), controller.ready().ready]).toEqual([true, false, false]);
      expect(readFileSync(file, 'utf8')).toBe(textOf(lines(out(443))));
    });

    test('without facts, the rules of the process before are better than none', async () => {
      writeFileSync(file, textOf(lines(out(443))));
      rmSync(join(folder, 'install.yaml'));
      configure(own(80));
      const controller = start();
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      expect([controller.ready().ready, readFileSync(file, 'utf8')]).toEqual([false, textOf(lines(out(443)))]);
      writeFileSync(join(folder, 'install.yaml'), FACTS);
      await eventually(80, true);
    });

    test('a dry run changes nothing, not even where our table is missing', async () => {
      configure('sources: { static: { firewall: { dryRun: true } } }\ncontrollers: { firewall: { source: static } }');
      const before = await world.machine.must('nft', ['list', 'ruleset']);
      start();
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      expect(await world.machine.must('nft', ['list', 'ruleset'])).toBe(before);
      expect(readdirSync(join(folder, 'nftables'))).toEqual(['rules']);
      expect(readFileSync(baseFile, 'utf8')).toBe(BASE);
    });

    test('`static: {}` closes, and does not end', async () => {
      configure('sources: { static: {} }\ncontrollers: { firewall: { source: static } }');
      const controller = start();
      await expect.poll(() => controller.ready().ready).toBe(true);
      expect([await passes(443), await policy()]).toEqual([false, 'accept']);
    });
  });
});
