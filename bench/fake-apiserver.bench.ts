/**
 * How fast the fake API server is by itself, in its own process, with a client that only counts bytes: no bench that reads from it may be
 * measuring the fake instead.
 */
import { Agent, request } from 'node:http';
import { FakeApiServerApart } from '../test/kit/fake-apiserver/apart.ts';
import { load, print, smoke } from './figure.ts';

const pods = smoke ? 1_000 : 100_000;
const events = smoke ? 1_000 : 400_000;
const PAGE = 500;
const types = { json: 'application/json', protobuf: 'application/vnd.kubernetes.protobuf' };

await using server = await FakeApiServerApart.start({ historySize: 2 * events });
await server.order({ order: 'fill', options: { pods, namespaces: 100, apps: 500 } });
const agent = new Agent({ keepAlive: true });

function open(path: string, accept: string): Promise<NodeJS.ReadableStream> {
  return new Promise((resolve, reject) =>
    request(server.url + path, { agent, headers: { accept } }, resolve)
      .once('error', reject)
      .end(),
  );
}

/** A page's bytes. */
async function page(path: string, accept: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await open(path, accept)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const cpu = async (): Promise<number> => {
  const { cpuSeconds } = (await server.order({ order: 'usage' })) as { readonly cpuSeconds: number };
  return cpuSeconds;
};

/** The token of the next page: in both forms it is text near the beginning. */
const next = (bytes: Buffer): string | undefined =>
  /eyJ2IjoibWV0YS5rOHMuaW8vdjEi[\w-]*/.exec(bytes.toString('latin1', 0, 1_000))?.[0];

for (const [form, accept] of Object.entries(types)) {
  const before = await cpu();
  const started = performance.now();
  let bytes = 0;
  let pages = 0;
  for (let token: string | undefined = ''; token !== undefined; pages++) {
    const body = await page(`/api/v1/pods?limit=${PAGE}${token === '' ? '' : `&continue=${token}`}`, accept);
    bytes += body.length;
    token = next(body);
  }
  if (pages !== pods / PAGE) throw new Error(`${pages} pages of ${PAGE} are not ${pods} pods`);
  const seconds = (performance.now() - started) / 1_000;
  const serverSeconds = (await cpu()) - before;
  print({
    bench: `fake-apiserver/list-${form}`,
    unit: 's',
    value: seconds,
    pods,
    megabytes: Math.round(bytes / 1e6),
    serverSeconds,
    ...load(),
  });
}

for (const [form, accept] of Object.entries(types)) {
  const stream = await open('/api/v1/pods?watch=true&resourceVersion=', `${accept};stream=watch`);
  // The state comes first: its size tells how many bytes make an event.
  let bytes = 0;
  let wanted = Infinity;
  let reached: () => void = () => {};
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes >= wanted) reached();
  });
  const quiet = async (): Promise<void> => {
    for (let last = -1; last !== bytes; await new Promise((done) => setTimeout(done, 300))) last = bytes;
  };
  await quiet();
  // MODIFIED is three letters longer than ADDED.
  const size = bytes / pods + 3;
  bytes = 0;
  wanted = Math.floor(size * events) - 1_000;
  const started = performance.now();
  const before = await cpu();
  const done = new Promise<void>((resolve) => (reached = resolve));
  await server.order({ order: 'modify', events });
  await done;
  const seconds = (performance.now() - started) / 1_000;
  const serverSeconds = (await cpu()) - before;
  print({
    bench: `fake-apiserver/watch-${form}`,
    unit: 'per second',
    value: events / seconds,
    budget: 20_000,
    events,
    serverSeconds,
    ...load(),
  });
  (stream as unknown as { destroy(): void }).destroy();
}
agent.destroy();
