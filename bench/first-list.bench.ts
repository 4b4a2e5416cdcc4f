/**
 * The first list of a large cluster: our CPU and memory from nothing to the first complete state, for pods of 5.9 KB over loopback, in pages
 * of 500, as protobuf and as JSON, and streamed. The server is the fake in its own process; each form runs in a process of its own.
 * Then 10,000 watch events a second.
 */
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { DeliveredState } from '../test/kit/delivered-state.ts';
import { FakeApiServerApart } from '../test/kit/fake-apiserver/apart.ts';
import { systemClock } from '../src/base/clock.ts';
import { SallyportError } from '../src/base/error.ts';
import type { ApiClient } from '../src/kubernetes/api-client.ts';
import { GivenCredentials } from '../src/kubernetes/given-credentials.ts';
import { HttpApiClient } from '../src/kubernetes/http-api-client.ts';
import { KubernetesSource } from '../src/sources/kubernetes/kubernetes-source.ts';
import { collectGarbage, load, print, smoke } from './figure.ts';

const pods = smoke ? 1_000 : 100_000;
const forms = {
  protobuf: { isStreamed: false, isJson: false, budget: 1 },
  json: { isStreamed: false, isJson: true, budget: 5 },
  'streamed-protobuf': { isStreamed: true, isJson: false, budget: undefined },
} as const;
type Form = keyof typeof forms;

const asked = process.argv.find((word) => word.startsWith('--form='))?.slice('--form='.length);
if (asked === undefined) {
  for (const form of Object.keys(forms)) {
    const words = [...process.execArgv, ...process.argv.slice(1), `--form=${form}`];
    if (spawnSync(process.execPath, words, { stdio: 'inherit' }).status !== 0) process.exitCode = 1;
  }
} else await measure(asked as Form);

/** The client, for a server that can less. */
function limited(client: ApiClient, isStreamed: boolean, isJson: boolean): ApiClient {
  return {
    title: client.title,
    call: (request, signal) => client.call(request, signal),
    open: (request, signal, silenceMs) => {
      if (!isStreamed && request.query?.['sendInitialEvents'] === 'true')
        return Promise.reject(new SallyportError('API_REFUSED', 'no streamed lists here'));
      return client.open(isJson ? { ...request, accept: 'application/json' } : request, signal, silenceMs);
    },
    close: () => client.close(),
  };
}

async function measure(form: Form): Promise<void> {
  const { isStreamed, isJson, budget } = forms[form];
  await using server = await FakeApiServerApart.start({ historySize: 1_000_000 });
  await server.order({ order: 'fill', options: { pods, namespaces: 100, apps: 500 } });
  const http = new HttpApiClient(
    { title: 'fake', url: new URL(server.url), isInsecure: false },
    new GivenCredentials({}, systemClock),
  );
  const seen = new DeliveredState();
  let complete = (): void => {};
  const isComplete = new Promise<void>((resolve) => (complete = resolve));
  let changes = 0;
  let longest = 0;
  const source = new KubernetesSource({ name: 'bench', api: limited(http, isStreamed, isJson), clock: systemClock });
  const stop = new AbortController();
  const turns = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last - 1);
    last = now;
  }, 1);
  let last = performance.now();
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  const running = source.run((delivery) => {
    for (const change of delivery.changes)
      if (change.kind === 'put') seen.resources.set(change.resource.name, change.resource);
      else seen.resources.delete(change.key);
    changes += delivery.changes.length;
    if (delivery.state.kind === 'complete') complete();
  }, stop.signal);
  await isComplete;
  const { user, system } = process.cpuUsage(cpuBefore);
  const seconds = (performance.now() - started) / 1_000;
  const facts = { pods, delivered: seen.resources.size, seconds: Number(seconds.toFixed(2)), ...load() };
  const ours = budget === undefined ? {} : { budget };
  print({ bench: `first-list/${form}`, unit: 's', value: (user + system) / 1e6, ...ours, ...facts });
  print({
    bench: `first-list/${form}-peak-rss`,
    unit: 'MB',
    value: process.resourceUsage().maxRSS / 1_024,
    budget: 300,
    pods,
  });
  print({ bench: `first-list/${form}-longest-stop`, unit: 'ms', value: longest, budget: 50, pods });
  collectGarbage();
  print({ bench: `first-list/${form}-heap`, unit: 'KB', value: process.memoryUsage().heapUsed / 1_024 / pods, pods });

  const perSecond = smoke ? 1_000 : 10_000;
  const time = smoke ? 1 : 5;
  changes = 0;
  longest = 0;
  const before = process.cpuUsage();
  const begun = performance.now();
  await server.order({ order: 'pace', act: 'churn', perSecond, seconds: time });
  while (changes < perSecond * time && performance.now() - begun < time * 3_000)
    await new Promise((resolve) => setTimeout(resolve, 10));
  const took = (performance.now() - begun) / 1_000;
  const used = process.cpuUsage(before);
  print({ bench: `watch-events/${form}`, unit: 'per second', value: changes / took, budget: perSecond, ...load() });
  print({
    bench: `watch-events/${form}-cpu`,
    unit: 'us',
    value: (used.user + used.system) / Math.max(1, changes),
    changes,
  });
  print({ bench: `watch-events/${form}-longest-stop`, unit: 'ms', value: longest, budget: 50 });
  clearInterval(turns);
  stop.abort();
  await running;
  await http.close();
}
