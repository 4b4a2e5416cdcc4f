import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { Frr, LEAF } from '../../../../test/kit/frr.ts';
import { FACTS, routing as smallRouting } from '../../../../test/kit/machine.ts';
import { type Namespace, Namespaces } from '../../../../test/kit/netns.ts';
import { systemClock } from '../../../base/clock.ts';
import { silentLog } from '../../../base/log.ts';
import { netnsTransport } from '../../../firewalls/nftables/reach/local-transport.ts';
import { frrText } from '../../../machine/frr/frr-text.ts';
import type { Routing } from '../../../machine/frr/routing.ts';
import { parseConfiguration } from '../../configuration/configuration.ts';
import { KernelTable } from '../kernel-table.ts';
import { MachineController } from '../machine-controller.ts';
import { RuleWriter } from '../rule-writer.ts';
import { SourceMemory } from '../sources/memory.ts';
import { FrrKeeper, type FrrOutcome } from './frr-keeper.ts';
import { FrrProgram } from './frr-program.ts';

const signal = new AbortController().signal;

const routing = (distance = 0): Routing => smallRouting(FACTS, distance);

describe('FRR of a machine, in its namespace', () => {
  let namespaces: Namespaces;
  let machine: Namespace;
  let frr: Frr;
  let leaf: Frr;
  let wanted: Routing;
  let outcomes: FrrOutcome[];
  let keeper: FrrKeeper;

  const keeperOf = (): FrrKeeper =>
    new FrrKeeper({
      wanted: () => ({ routing: wanted, path: frr.file, announcesDistance: true }),
      program: new FrrProgram(frr.transport()),
      told: (outcome) => void outcomes.push(outcome),
      clock: systemClock,
      log: silentLog,
    });

  // One pair of machines for all tests: sessions take seconds to come up.
  beforeAll(async () => {
    namespaces = await Namespaces.open();
    machine = await namespaces.add('machine');
    const rack = await namespaces.add('leaf');
    for (const n of [0, 1])
      await namespaces.link(
        { namespace: machine, device: `lan${n}`, addresses: [] },
        { namespace: rack, device: `swp${n + 1}`, addresses: [] },
      );
    await machine.ip('addr add 10.1.0.1/32 dev lo');
    leaf = new Frr(rack, LEAF);
    frr = new Frr(machine);
    await leaf.start();
  });
  afterAll(async () => {
    frr.stop();
    leaf.stop();
    await namespaces.close();
  });
  beforeEach(() => {
    outcomes = [];
    keeper = keeperOf();
  });

  const text = (): string => readFileSync(frr.file, 'utf8');
  const beside = (): readonly string[] => readdirSync(dirname(frr.file)).filter((name) => name.startsWith('.'));
  const established = async (): Promise<void> =>
    vi.waitFor(
      async () =>
        expect(Object.values(await frr.sessions()).map(({ is }) => is)).toEqual(['Established', 'Established']),
      { timeout: 40_000, interval: 500 },
    );
  /** The numbers on the ways to the machine that the switch has. */
  const paths = async (): Promise<readonly string[]> => {
    const shown = JSON.parse(await leaf.vtysh('-c', 'show bgp ipv4 unicast 10.1.0.1/32 json')) as {
      readonly paths?: readonly { readonly aspath: { readonly string: string } }[];
    };
    return [...new Set((shown.paths ?? []).map(({ aspath }) => aspath.string))];
  };

  test('sessions come up with it, and stay up while it changes', async () => {
    wanted = routing();
    await keeper.look(signal);
    expect(outcomes).toEqual([{ kind: 'waiting' }]);
    expect(text()).toBe(frrText(routing(), 8));
    expect(statSync(frr.file).mode & 0o777).toBe(0o640);
    await frr.start();
    await established();
    await vi.waitFor(async () => expect(await paths()).toEqual(['4200000042']), { timeout: 20_000, interval: 500 });
    const before = await frr.sessions();
    const up = await new FrrProgram(frr.transport()).sessions(signal);
    expect(up).toEqual(new Set(['default/lan0', 'default/lan1']));

    wanted = routing(3);
    await keeper.look(signal);
    expect(outcomes.at(-1)).toEqual({ kind: 'inForce', isChanged: true });
    await vi.waitFor(async () => expect(await paths()).toEqual([Array(4).fill('4200000042').join(' ')]), {
      timeout: 20_000,
      interval: 500,
    });
    expect(await frr.sessions()).toEqual(before);
    // The same again, by this process and by the next: nothing is loaded.
    frr.calls.length = 0;
    await keeper.look(signal);
    await keeperOf().look(signal);
    expect(frr.calls.filter((call) => !/^vtysh (--help|-c show )/.test(call))).toEqual([]);
    expect(beside()).toEqual([]);
  });

  test('what the dry run refuses replaces nothing, and is not tried again at once', async () => {
    const good = text();
    wanted = { ...routing(), routerId: '10.1.0.1\n nonsense' };
    await keeper.look(signal);
    const last = outcomes.at(-1);
    expect(last).toMatchObject({ kind: 'failed', code: 'FRR_REFUSED' });
    expect(last?.kind === 'failed' && last.because).toContain('nonsense');
    expect([text(), beside()]).toEqual([good, []]);
    frr.calls.length = 0;
    await keeper.look(signal);
    expect(frr.calls.filter((call) => !call.startsWith('vtysh --help'))).toEqual([]);
  });

  test('nothing is told to switches before the rules hold', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-frr-order-'));
    const place = (name: string): string => join(folder, name);
    writeFileSync(place('install.yaml'), FACTS);
    const configurationText = `name: fw-1
sources: { static: {} }
controllers: { firewall: { source: static } }
machine: { facts: install.yaml, rules: ours.v4, base: rules, memory: sources.json, names: names.yaml, frr: ${frr.file} }
`;
    writeFileSync(place('config.yaml'), configurationText);
    const parse = (written: string) =>
      parseConfiguration(written, place('config.yaml'), { readFile: () => '', environment: {} });
    const read = parse(configurationText).value;
    if (read?.machine === undefined) throw new Error('no machine');
    const inside = netnsTransport(machine.name, folder);
    let isRefused = true;
    // A kernel that takes nothing, until it does.
    const kernel = new KernelTable({
      ...inside,
      run: (program, args, stopped, options) =>
        isRefused && program === 'nft' && options?.input !== undefined
          ? Promise.resolve({ code: 1, stdout: '', stderr: 'Error: Operation not supported' })
          : inside.run(program, args, stopped, options),
      runWithFile: (program, args, written, stopped) =>
        isRefused && program === 'nft'
          ? Promise.resolve({ code: 1, stdout: '', stderr: 'Error: Operation not supported' })
          : inside.runWithFile(program, args, written, stopped),
    });
    const controller = new MachineController({
      configuration: { ...read, machine: read.machine },
      file: place('config.yaml'),
      parse,
      writer: new RuleWriter({ kernel, baseFile: place('rules'), log: silentLog }),
      memory: new SourceMemory(place('sources.json'), silentLog),
      environment: {},
      clock: systemClock,
      log: silentLog,
    });
    const before = text();
    const end = new AbortController();
    const tables: string[] = [];
    frr.onReload = async () => void tables.push(await machine.must('nft', ['list', 'tables']));
    const watching = new FrrKeeper({
      wanted: () => controller.frr,
      program: new FrrProgram(frr.transport()),
      told: (outcome) => void outcomes.push(outcome),
      clock: systemClock,
      log: silentLog,
    });
    const running = controller.run(end.signal);
    frr.calls.length = 0;
    for (let n = 0; n < 6; n++) {
      await watching.look(signal);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    expect([text(), outcomes, frr.calls]).toEqual([before, [], []]);
    isRefused = false;
    await vi.waitFor(() => expect(controller.frr).toBeDefined(), { timeout: 30_000, interval: 200 });
    await watching.look(signal);
    expect(tables).toEqual([expect.stringContaining('table inet firewall')]);
    expect(text()).toBe(frrText(routing(), 8));
    end.abort();
    await running;
    rmSync(folder, { recursive: true, force: true });
  });
});
