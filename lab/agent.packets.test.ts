import type { ChildProcess } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ProbeOrder, ProbeResult } from './agent.ts';
import { type Namespace, Namespaces } from './namespaces.ts';

let namespaces: Namespaces;
const children: ChildProcess[] = [];
let serverChild: ChildProcess;
/** Asks the server for a turn. */
let serverTurn: () => Promise<unknown>;
let prober: { child: ChildProcess; lines: AsyncIterator<string> };

function agent(namespace: Namespace, part: 'serve' | 'probe'): { child: ChildProcess; lines: AsyncIterator<string> } {
  const code = `import { ${part} } from '${import.meta.dirname}/agent.ts'; await ${part}();`;
  const child = namespace.start(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code]);
  children.push(child);
  if (child.stdout === null) throw new Error('no output');
  const lines: Interface = createInterface({ input: child.stdout });
  return { child, lines: lines[Symbol.asyncIterator]() };
}

async function attempt(order: ProbeOrder): Promise<ProbeResult> {
  prober.child.stdin?.write(`${JSON.stringify(order)}\n`);
  for (;;) {
    const { value } = (await prober.lines.next()) as { value: string };
    const result = JSON.parse(value) as ProbeResult;
    if (result.kind === 'quiet') {
      await serverTurn();
      prober.child.stdin?.write(`${JSON.stringify({ id: result.id, do: 'conclude' })}\n`);
    } else if (result.id === order.id) return result;
  }
}

beforeAll(async () => {
  namespaces = await Namespaces.open();
  const inside = await namespaces.add('inside');
  const outside = await namespaces.add('outside');
  await namespaces.link(
    { namespace: inside, device: 'up0', addresses: ['10.99.0.1/24', '10.99.0.7/24', 'fd99::1/64'] },
    { namespace: outside, device: 'up0', addresses: ['10.99.0.2/24', 'fd99::2/64'] },
  );
  const server = agent(outside, 'serve');
  const listen = ['10.99.0.2', 'fd99::2'].flatMap((address) => [
    { address, port: 443, transport: 'tcp' },
    { address, port: 53, transport: 'udp' },
  ]);
  server.child.stdin?.write(`${JSON.stringify({ listen })}\n`);
  expect(await server.lines.next()).toMatchObject({ value: '{"ready":true}' });
  serverTurn = () => {
    server.child.stdin?.write('{"turn":1}\n');
    return server.lines.next();
  };
  serverChild = server.child;
  prober = agent(inside, 'probe');
});

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await namespaces.close();
});

test.each([
  ['tcp', '10.99.0.7', '10.99.0.2', 443],
  ['tcp', 'fd99::1', 'fd99::2', 443],
  ['udp', '10.99.0.1', '10.99.0.2', 53],
  ['udp', 'fd99::1', 'fd99::2', 53],
] as const)('%s from %s: the server tells the source it sees', async (transport, source, destination, port) => {
  const result = await attempt({ id: 1, do: 'try', transport, source, destination, port, timeoutMs: 2_000 });
  expect(result).toMatchObject({ kind: 'passed', seen: source });
});

describe.each([
  ['the server', () => serverChild],
  ['the prober', () => prober.child],
])('%s may be asleep for longer than is waited', (_, who) => {
  test.each(['tcp', 'udp', 'icmp'] as const)('what %s lets through is no silence', async (transport) => {
    const port = { tcp: 443, udp: 53, icmp: 0 }[transport];
    const ends = { source: '10.99.0.1', destination: '10.99.0.2', port };
    const result = attempt({ id: 5, do: 'try', transport, ...ends, timeoutMs: 50 });
    who().kill('SIGSTOP');
    await pause(200);
    who().kill('SIGCONT');
    expect(await result).toMatchObject({ kind: 'passed' });
  });
});

test('a port that nobody serves is no pass', async () => {
  const order = {
    id: 2,
    do: 'try',
    transport: 'udp',
    source: '10.99.0.1',
    destination: '10.99.0.2',
    port: 54,
    timeoutMs: 200,
  } as const;
  expect(await attempt(order)).toMatchObject({ kind: 'dropped' });
});

test('ping tells whether an answer came', async () => {
  const order = { id: 3, do: 'try', transport: 'icmp', source: '10.99.0.1', port: 0, timeoutMs: 1_000 } as const;
  expect(await attempt({ ...order, destination: '10.99.0.2' })).toMatchObject({ kind: 'passed' });
  expect(await attempt({ ...order, id: 4, destination: '10.99.0.99' })).toMatchObject({ kind: 'dropped' });
});
