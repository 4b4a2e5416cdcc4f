/** The server in a process of its own: messages in, answers out, over the IPC channel of `fork`. */
import process from 'node:process';
import type { Fault, Match } from './faults.ts';
import type { FillOptions } from './load.ts';
import { FakeApiServer, type FakeApiServerOptions, type Given } from './server.ts';

/** What can be asked of it; everything is plain data. */
export type Order =
  | { readonly order: 'start'; readonly options: Omit<FakeApiServerOptions, 'clock'> }
  | { readonly order: 'fill'; readonly options: FillOptions }
  | { readonly order: 'modify' | 'churn'; readonly events: number }
  | { readonly order: 'pace'; readonly act: 'modify' | 'churn'; readonly perSecond: number; readonly seconds: number }
  | { readonly order: 'put'; readonly objects: readonly Given[] }
  | { readonly order: 'delete'; readonly objects: readonly Given[] }
  | { readonly order: 'token'; readonly token: string; readonly user: { readonly name: string } }
  | { readonly order: 'fault'; readonly faults: readonly Fault[]; readonly which: Match; readonly times: number }
  | { readonly order: 'clearFaults' | 'restart' | 'compact' | 'requests' | 'usage' };

export interface Asked {
  readonly id: number;
  readonly order: Order;
}

export interface Answered {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

let api: FakeApiServer | undefined;

async function carryOut(order: Order): Promise<unknown> {
  if (order.order === 'start') {
    api = await FakeApiServer.start(order.options);
    return api.url;
  }
  if (api === undefined) throw new Error('start comes first');
  switch (order.order) {
    case 'fill':
      return api.load.fill(order.options);
    case 'modify':
      return api.load.modify(order.events);
    case 'churn':
      return api.load.churn(order.events);
    case 'pace':
      return api.load.pace(order.act, order.perSecond, order.seconds);
    case 'put':
      for (const object of order.objects) api.put(object);
      return api.version;
    case 'delete':
      for (const object of order.objects) api.delete(object);
      return api.version;
    case 'token':
      return api.access.setToken(order.token, order.user);
    case 'fault':
      return api.faults.times(order.times, order.faults, order.which);
    case 'clearFaults':
      return api.faults.clear();
    case 'restart':
      return api.restart();
    case 'compact':
      return api.compact();
    case 'requests':
      return api.requests.map(({ verb, path, status, query }) => ({ verb, path, status, query: query.toString() }));
    case 'usage': {
      const { user, system } = process.cpuUsage();
      return { cpuSeconds: (user + system) / 1e6, rss: process.memoryUsage().rss };
    }
  }
}

process.on('message', ({ id, order }: Asked) => {
  carryOut(order).then(
    (value) => process.send?.({ id, value } satisfies Answered),
    (error: unknown) => process.send?.({ id, error: String(error) } satisfies Answered),
  );
});
// Whoever started it is gone: so is the need for it.
process.on('disconnect', () => process.exit(0));
