import { beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { parseAddress } from '../../ip/address.ts';
import { flowTo, machineFlows } from '../../machine/own-flows.ts';
import { FlowWatch } from './flow-watch.ts';
import { type OpenConnection, openConnections } from './reach.ts';

const api = flowTo('API server', parseAddress('203.0.113.5'), 6443);
const flows = [api, ...machineFlows({ vpn: false })];

describe('watching the flows that a machine needs', () => {
  let clock: FakeClock;
  let watch: FlowWatch;
  let reached: boolean;
  let open: OpenConnection[];
  const stop: AbortController[] = [];
  const session = (localPort: number, stalled = false): OpenConnection => ({ localPort, remotePort: 40_000, stalled });
  const names = (): readonly string[] => [...new Set(watch.takeLost().map(({ name }) => name))];
  const pass = (seconds: number): Promise<void> => clock.pass(seconds * 1_000);

  beforeEach(async () => {
    for (const each of stop.splice(0)) each.abort();
    clock = new FakeClock();
    reached = true;
    open = [session(22), session(179)];
    watch = new FlowWatch({
      flows: () => Promise.resolve(flows),
      reaches: (flow) => Promise.resolve(flow === api ? reached : undefined),
      connections: () => Promise.resolve(open),
      clock,
    });
    const end = new AbortController();
    stop.push(end);
    const running = watch.run(end.signal);
    running.catch(() => undefined);
    await watch.first;
  });

  test('what works on after a load is not lost', async () => {
    watch.loaded();
    await pass(30);
    expect(names()).toEqual([]);
  });

  test('what was up and fails for ten seconds is lost, once', async () => {
    watch.loaded();
    reached = false;
    await pass(9);
    expect(names()).toEqual([]);
    await pass(3);
    expect(names()).toEqual(['API server']);
    await pass(30);
    expect(names()).toEqual([]);
  });

  test('what comes back within ten seconds is not', async () => {
    watch.loaded();
    reached = false;
    await pass(8);
    reached = true;
    await pass(20);
    expect(names()).toEqual([]);
  });

  test('loads in between give no new respite', async () => {
    reached = false;
    for (let n = 0; n < 6; n++) {
      watch.loaded();
      await pass(2);
    }
    expect(names()).toEqual(['API server']);
  });

  test('what was not up before is nobody’s fault', async () => {
    reached = false;
    await pass(31);
    watch.loaded();
    await pass(30);
    expect(names()).toEqual([]);
  });

  test('a stalled SSH session is lost; people who log out are not; a session of BGP has to stay', async () => {
    watch.loaded();
    open = [session(22, true), session(179)];
    await pass(12);
    expect(names()).toEqual(['SSH']);
    open = [session(22), session(179)];
    await pass(31);
    watch.loaded();
    open = [];
    await pass(12);
    expect(names()).toEqual(['BGP on lan0', 'BGP on lan1']);
  });
});

test('the kernel’s listing of connections: established ones, and which are stalled', () => {
  const listing = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0016 0200007F:9C40 01 00000000:00000000 02:000000A1 00000000     0        0 1 2 0
   1: 0100007F:0016 0300007F:9C41 01 00000030:00000000 01:000000A1 00000005     0        0 2 2 0
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 1 0
`;
  expect(openConnections(listing)).toEqual([
    { localPort: 22, remotePort: 40_000, stalled: false },
    { localPort: 22, remotePort: 40_001, stalled: true },
  ]);
});
