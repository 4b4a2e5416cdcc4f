import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FirewallMachine } from '../../../test/kit/firewall-machine.ts';
import { cwnp, smallMachine } from '../../../test/kit/machine.ts';
import { Peer } from '../../../test/kit/probe.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import { netnsTransport } from '../../firewalls/nftables/reach/local-transport.ts';
import { parseAddress } from '../../ip/address.ts';
import { baseRules } from '../../machine/base-rules.ts';
import { flowTo, machineFlows } from '../../machine/own-flows.ts';
import { tableLines } from '../../machine/table-text.ts';
import { FlowWatch } from './flow-watch.ts';
import { KernelTable } from './kernel-table.ts';
import { RuleWriter } from './rule-writer.ts';

const signal = new AbortController().signal;
/** As it is installed. */
const INSTALLED = `table inet metal {
    chain input {
        type filter hook input priority 0; policy accept;
    }
    chain forward {
        type filter hook forward priority 0; policy drop;
    }
}
`;
const objects = cwnp('out', '{ egress: [{ to: [{ cidr: 0.0.0.0/0 }], ports: [{ port: 443 }] }] }');
const { ruleset, input } = smallMachine(objects);
const lines = tableLines(ruleset);
const rendered = (vpn = false): string => baseRules({ networks: input.networks, vpn, proxy: undefined }) ?? '';

describe('the base rules of a machine, in its kernel', () => {
  let world: FirewallMachine;
  let machine: Peer;
  let folder: string;
  let writer: RuleWriter;
  let baseFile: string;
  let file: string;

  beforeAll(async () => {
    world = await FirewallMachine.open();
    machine = new Peer(world.machine);
    await machine.listenTcp('0.0.0.0', 22);
    await machine.listenTcp('0.0.0.0', 80);
    for (const port of [443, 6443, 8443]) await world.internet.listenTcp('0.0.0.0', port);
  });
  afterAll(async () => {
    machine.stop();
    await world.close();
  });
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sallyport-base-test-'));
    baseFile = join(folder, 'rules');
    file = join(folder, 'firewall-controller.v4');
    writeFileSync(baseFile, INSTALLED, { mode: 0o640 });
    await world.load(INSTALLED);
    writer = new RuleWriter({
      kernel: new KernelTable(netnsTransport(world.machine.name, folder)),
      baseFile,
      log: silentLog,
    });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const toMachine = async (port: number): Promise<boolean> =>
    (await world.internet.tcp({ from: '198.51.100.9', to: '198.51.100.2', port })).outcome === 'passed';
  const fromMachine = async (port: number): Promise<boolean> =>
    (await machine.tcp({ from: '198.51.100.2', to: '198.51.100.9', port })).outcome === 'passed';

  test('as rendered: people come in by SSH, nobody else; the cluster leaves with an address of the machine', async () => {
    expect(await toMachine(80)).toBe(true);
    const base = { text: rendered(), flows: machineFlows({ vpn: false }) };
    expect(await writer.write({ lines, file, dryRun: false, base }, signal)).toEqual({
      change: 'replaced',
      leftOut: [],
    });
    expect([await toMachine(22), await toMachine(80), await fromMachine(6443)]).toEqual([true, false, true]);
    expect((await world.cluster.tcp({ from: '10.0.0.10', to: '198.51.100.9', port: 443 })).source).toBe('198.51.100.2');
    expect(readFileSync(baseFile, 'utf8')).toBe(rendered());
    expect(await writer.write({ lines, file, dryRun: false, base }, signal)).toEqual({
      change: 'nothing',
      leftOut: [],
    });
    // What the next start of the machine loads does the same.
    await world.load(readFileSync(baseFile, 'utf8') + readFileSync(file, 'utf8'));
    expect([await toMachine(22), await toMachine(80)]).toEqual([true, false]);
  });

  test('what would deny a flow that the machine needs is refused, and all else is written', async () => {
    const base = { text: rendered(true), flows: machineFlows({ vpn: false }) };
    const { change, leftOut } = await writer.write({ lines, file, dryRun: false, base }, signal);
    expect(change).toBe('replaced');
    expect(leftOut.map(({ code, message }) => `${code}: ${message}`)).toEqual([
      'MACHINE_OWN_FLOW: rule "counter drop" in chain input of table inet metal would deny SSH; the base rules stay as they are',
    ]);
    expect([await toMachine(22), await toMachine(80)]).toEqual([true, true]);
    expect(readFileSync(baseFile, 'utf8')).toBe(INSTALLED.replace('policy drop', 'policy accept'));
    expect((await world.cluster.tcp({ from: '10.0.0.10', to: '198.51.100.9', port: 443 })).outcome).toBe('passed');
  });

  test('a way in that was allowed back is closed with the change that closes it on purpose', async () => {
    const write = (vpn: boolean) =>
      writer.write({ lines, file, dryRun: false, base: { text: rendered(vpn), flows: machineFlows({ vpn }) } }, signal);
    await write(false);
    await writer.allowBack(
      machineFlows({ vpn: false }).filter(({ name }) => name === 'SSH'),
      signal,
    );
    await write(false);
    expect([await toMachine(22), readFileSync(baseFile, 'utf8').includes('own flow: SSH')]).toEqual([true, true]);
    expect((await write(true)).leftOut).toEqual([]);
    expect([await toMachine(22), readFileSync(baseFile, 'utf8')]).toEqual([false, rendered(true)]);
  });

  test('base rules that nft refuses change nothing', async () => {
    const base = { text: `${rendered()}nonsense\n`, flows: [] };
    const { leftOut } = await writer.write({ lines, file, dryRun: false, base }, signal);
    expect(leftOut.map(({ code }) => code)).toEqual(['MACHINE_RULES_REFUSED']);
    expect(await toMachine(80)).toBe(true);
  });

  test('a flow that is lost after a change comes back alone, and the change stays', async () => {
    await writer.write({ lines, file, dryRun: false, base: { text: rendered(), flows: [] } }, signal);
    const api = flowTo('API server', parseAddress('198.51.100.9'), 6443);
    const watch = new FlowWatch({
      flows: () => Promise.resolve([api]),
      reaches: () => fromMachine(6443),
      connections: () => Promise.resolve([]),
      clock: systemClock,
    });
    const stop = new AbortController();
    const running = watch.run(stop.signal);
    await watch.first;
    // Nobody told of the flow, so nothing was evaluated: what only trying finds out.
    const text = rendered().replace(
      'hook output priority 0; policy accept;',
      'hook output priority 0; policy accept;\n        tcp dport { 6443, 8443 } drop',
    );
    await writer.write({ lines, file, dryRun: false, base: { text, flows: [] } }, signal);
    watch.loaded();
    expect(await fromMachine(6443)).toBe(false);
    await expect.poll(() => watch.takeLost(), { timeout: 60_000, interval: 500 }).toEqual([api]);
    await writer.allowBack([api], signal);
    expect([await fromMachine(6443), await fromMachine(8443)]).toEqual([true, false]);
    stop.abort();
    await running;
    // Over a repair, another change of rules, and a start of the machine.
    await writer.repair(signal);
    await writer.write({ lines, file, dryRun: false, base: { text: `${text}# newer\n`, flows: [] } }, signal);
    expect([await fromMachine(6443), await fromMachine(8443)]).toEqual([true, false]);
    await world.load(readFileSync(baseFile, 'utf8') + readFileSync(file, 'utf8'));
    expect([await fromMachine(6443), await fromMachine(8443)]).toEqual([true, false]);
    const again = flowTo('registry', parseAddress('198.51.100.9'), 8443);
    await writer.allowBack([again], signal);
    expect([await fromMachine(6443), await fromMachine(8443)]).toEqual([true, true]);
  });
});
