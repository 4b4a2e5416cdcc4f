import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ControlledBorder } from './controlled-border.ts';
import { allow, basis, FAMILIES, type Flow, Flows, openStage, podAt, type Stage } from './stage.ts';

// The measuring itself: what the other files conclude is worth no more than this.

/** More than a process reads from a socket at one go. */
const UNREAD = 100;

describe('which flows move', () => {
  let stage: Stage;
  let controlled: ControlledBorder;
  let flows: Flows;

  beforeAll(async () => {
    stage = await openStage();
  });
  afterAll(() => stage.close());
  beforeEach(async () => {
    await stage.border.reset();
    controlled = new ControlledBorder(stage.border);
    flows = new Flows(stage);
  });
  afterEach(async () => {
    stage.border.inside.resume();
    await flows.closeAll();
    await controlled.close();
  });

  const neighbours = [...basis(), podAt('job-1', 'job', 'job'), allow('job', "app == 'job'", 80)];
  const web = [podAt('web-1', 'web', 'web'), allow('web', "app == 'web'", 80)];
  const fromServer = ({ localPort }: Flow): number =>
    stage.podSniffer.packets.filter(({ destinationPort }) => destinationPort === localPort).length;

  test('what a busy pod has not read yet came before the change, not after it', async () => {
    await controlled.bring(...neighbours, ...web);
    const old: Flow[] = [];
    for (const family of FAMILIES)
      for (const manner of ['talks', 'silent'] as const) old.push(await flows.open('udp', family, 'web', 80, manner));
    const neighbour = await flows.open('tcp', 4, 'job', 80);
    stage.podSniffer.clear();
    stage.border.inside.pause();
    await stage.podSniffer.until(() => old.every((flow) => fromServer(flow) >= UNREAD));
    await controlled.bring(...neighbours);
    const moving = flows.moving(neighbour, old);
    stage.border.inside.resume();
    expect(await moving).toEqual(old.map(() => ({ in: false, out: false })));
  });

  test('what reaches a pod has moved, whether anybody there reads it or not', async () => {
    await controlled.bring(...neighbours, ...web);
    const flow = await flows.open('udp', 4, 'web', 80, 'silent');
    const neighbour = await flows.open('tcp', 4, 'job', 80);
    // The socket is gone, the server does not know: that is refused by the pod, not by the border.
    await stage.border.inside.close(flow.key);
    expect(await flows.moving(neighbour, [flow])).toEqual([{ in: true, out: false }]);
  });

  test('a flow is known by a port that no other socket gets by chance', async () => {
    await controlled.bring(...neighbours, ...web);
    const held: Flow[] = [];
    for (const family of FAMILIES)
      for (const transport of ['tcp', 'udp'] as const) held.push(await flows.open(transport, family, 'web', 80));
    const range = await stage.border.inside.namespace.must('cat', ['/proc/sys/net/ipv4/ip_local_port_range']);
    const lowest = Number(range.split(/\s+/)[0]);
    for (const { localPort } of held) expect(localPort).toBeLessThan(lowest);
    expect(new Set(held.map(({ localPort }) => localPort)).size).toBe(held.length);
  });

  test('a border that is reset leaves no server that pushes', async () => {
    await controlled.bring(...neighbours, ...web);
    const flow = await flows.open('udp', 4, 'web', 80, 'silent');
    await flows.closeAll();
    await stage.border.reset();
    stage.podSniffer.clear();
    await controlled.bring(...neighbours);
    const neighbour = await flows.open('tcp', 4, 'job', 80);
    expect(await flows.moving(neighbour, [flow])).toEqual([{ in: false, out: false }]);
    const { stdout } = await stage.border.firewall.run('conntrack', ['-L', '-p', 'udp']);
    expect(stdout).not.toContain(`dport=${flow.localPort} `);
  });
});
