import { expect, test } from 'vitest';
import { Conntrack } from './conntrack.ts';
import { nameFlow } from './conntrack-lines.ts';
import type { Outcome, Transport } from '../reach/transport.ts';

const signal = new AbortController().signal;
const DONE: Outcome = { code: 0, stdout: '', stderr: '' };
const FAILED: Outcome = { code: 1, stdout: '', stderr: 'Operation failed: Protocol error\n' };

/** conntrack as it is on a busy machine: of the lines it is given it changes `atOnce`, and then says that something failed. */
class BusyTable {
  readonly marks = new Map<number, number>();
  readonly rounds: number[] = [];
  readonly #atOnce: number;

  constructor(ports: readonly number[], atOnce: number) {
    for (const port of ports) this.marks.set(port, 0);
    this.#atOnce = atOnce;
  }

  readonly transport: Transport = {
    name: 'busy',
    run: (_, args) =>
      Promise.resolve({
        ...DONE,
        stdout: (args.includes('ipv6') ? [] : [...this.marks]).map(([port, mark]) => line(port, mark)).join('\n'),
      }),
    runWithFile: (_, __, text) => {
      const lines = Array.from(text).join('').trim().split('\n');
      this.rounds.push(lines.length);
      const wanted = lines.flatMap((one) => this.#portsOf(one).map((port) => [one, port] as const));
      for (const [one, port] of wanted.slice(0, this.#atOnce)) {
        if (one.startsWith('-D')) this.marks.delete(port);
        else this.marks.set(port, 0x40000000);
      }
      return Promise.resolve(wanted.length > this.#atOnce ? FAILED : DONE);
    },
    start: () => {
      throw new Error('nothing is started here');
    },
  };

  /** Whom a line changes: one port, or all that it finds. */
  #portsOf(one: string): readonly number[] {
    const port = /--sport (\d+)/.exec(one)?.[1];
    if (port !== undefined) return [Number(port)];
    const isDead = one.includes('--mark');
    return [...this.marks]
      .filter(([, mark]) => (mark !== 0) === (one.startsWith('-D') && isDead))
      .map(([each]) => each);
  }
}

function line(port: number, mark: number): string {
  return `ipv4     2 tcp      6 300 ESTABLISHED src=10.0.0.1 dst=203.0.113.1 sport=${port} dport=443 src=203.0.113.1 dst=10.0.0.1 sport=443 dport=${port} [ASSURED] mark=${mark} use=1`;
}

test('what conntrack failed to do is looked for and done again, and nothing else', async () => {
  const table = new BusyTable([1, 2, 3, 4, 5, 6], 2);
  const conntrack = new Conntrack(table.transport);
  const flows = await conntrack.flows('all', signal);
  const cut = flows.filter(({ flow }) => flow.sourcePort !== 6);
  const spared = flows.filter((flow) => !cut.includes(flow));
  await conntrack.cut(cut, spared, signal);
  expect([...table.marks]).toEqual([1, 2, 3, 4, 5].map((port) => [port, 0x40000000]).concat([[6, 0]]));
  expect(table.rounds).toEqual([5, 3, 1]);
  await conntrack.forget(cut, [], signal);
  expect([...table.marks.keys()]).toEqual([6]);
});

test('connections that differ in their source port alone share a line, and a line goes on where it gave up', async () => {
  const table = new BusyTable([1, 2, 3, 4, 5, 6], 2);
  const conntrack = new Conntrack(table.transport);
  await conntrack.cut(await conntrack.flows('all', signal), [], signal);
  expect([...table.marks.values()]).toEqual(Array.from({ length: 6 }, () => 0x40000000));
  expect(table.rounds).toEqual([1, 1, 1]);
});

test('a connection that ends meanwhile is no mistake', async () => {
  const table = new BusyTable([1, 2], 1);
  const conntrack = new Conntrack(table.transport);
  const flows = await conntrack.flows('all', signal);
  const second = flows.find(({ flow }) => flow.sourcePort === 2);
  expect(second && nameFlow(second)).toContain('--sport 2');
  table.marks.delete(2);
  await conntrack.cut(flows, [], signal);
  expect([...table.marks]).toEqual([[1, 0x40000000]]);
});

test('one that never gets there is told', async () => {
  const table = new BusyTable([1], 0);
  const conntrack = new Conntrack(table.transport);
  await expect(conntrack.cut(await conntrack.flows('all', signal), [], signal)).rejects.toMatchObject({
    code: 'DEVICE_CHANGED',
  });
});

test('a writer that lost its right in between stops before the next request', async () => {
  const table = new BusyTable([1, 2, 3, 4, 5, 6], 2);
  const conntrack = new Conntrack(table.transport);
  const flows = await conntrack.flows('all', signal);
  let left = 2;
  const mayGoOn = (): void => {
    if (left-- === 0) throw new Error('not the writer');
  };
  await expect(conntrack.cut(flows, flows, signal, mayGoOn)).rejects.toThrow('not the writer');
  expect(table.rounds).toHaveLength(2);
  expect([...table.marks.values()].filter((mark) => mark !== 0)).toHaveLength(4);
});
