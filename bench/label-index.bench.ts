/**
 * The label-index load of `label-index-load.ts`: `npm run bench -- label-index`, or for other sizes than 100,000 and 1,000
 * `npx tsx bench/label-index.bench.ts ENDPOINTS SELECTORS [endpoints-first] [outside]`. Selectors come before endpoints unless told otherwise;
 * `outside` adds network sets and sets of named ports. Times are spent in the index alone: what a call needs is made before it; `cpu` is what all threads used
 * meanwhile, which other work on the machine disturbs less, and on loading includes that making.
 */
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { LabelIndex } from '../src/engine/label-index/label-index.ts';
import { print, quantile, smoke } from './figure.ts';
import { LabelIndexLoad, LoadReader, type LoadedSet, hash } from './label-index-load.ts';

const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const endpoints = Number(words[0] ?? (smoke ? 2000 : 100_000));
const selectors = Number(words[1] ?? (smoke ? 100 : 1000));
const endpointsFirst = words.includes('endpoints-first');
const outside = words.includes('outside');
const relabels = smoke ? 1000 : 20_000;
const newSelectors = smoke ? 100 : 1000;

const size = {
  endpoints,
  selectors,
  order: endpointsFirst ? 'endpoints-first' : 'selectors-first',
  kind: outside ? 'outside' : 'plain',
};
const load = new LabelIndexLoad({ endpoints, selectors, outside });
const index = new LabelIndex();
const reader = new LoadReader();

type Call = () => void;

function setEndpoint(i: number, shift: number): Call {
  const id = load.endpointId(i);
  const endpoint = load.endpoint(i, shift);
  return () => reader.apply(index.setEndpoint(id, endpoint));
}

function setNetworkSet(x: number): Call {
  const set = load.networkSet(x);
  return () => reader.apply(index.setEndpoint(`set:${x}`, set));
}

function setParent(x: number, later: number): Call {
  const id = load.parentId(x);
  const labels = load.parentLabels(x, later);
  return () => reader.apply(index.setParent(id, labels));
}

function setSelector({ id, selector, port }: LoadedSet): Call {
  return () => reader.apply(index.setSelector(id, selector, port));
}

/** Seconds that one call takes. */
function timed(call: Call): number {
  const start = performance.now();
  call();
  return (performance.now() - start) / 1000;
}

/** Loads everything; returns the seconds spent in the index. */
function fill(): number {
  let taken = 0;
  const addSelectors = (): void => {
    for (const set of load.broadSets()) taken += timed(setSelector(set));
    for (let j = 0; j < selectors; j++) taken += timed(setSelector(load.set(j)));
  };
  for (let x = 0; x < load.namespaces; x++) taken += timed(setParent(x, 0));
  if (!endpointsFirst) addSelectors();
  for (let i = 0; i < endpoints; i++) taken += timed(setEndpoint(i, 0));
  for (let x = 0; x < load.networkSets; x++) taken += timed(setNetworkSet(x));
  if (endpointsFirst) addSelectors();
  return taken;
}

/** How many calls are made ready at a time: few, so that the collector does not find them again and again. */
const BATCH = 100;

/** Times each of the calls, which are made ready first, and prints the usual and the slow ones. */
function measure(what: string, count: number, prepare: (k: number) => Call): void {
  const sample: number[] = [];
  let cpu = 0;
  for (let first = 0; first < count; first += BATCH) {
    const calls: Call[] = [];
    for (let k = first; k < Math.min(count, first + BATCH); k++) calls.push(prepare(k));
    const before = cpuSeconds();
    for (const call of calls) sample.push(timed(call) * 1e6);
    cpu += cpuSeconds() - before;
  }
  const name = `label-index/${what}`;
  print({ bench: `${name}/p50`, unit: 'us', value: quantile(sample, 0.5), ...size });
  print({ bench: `${name}/p99`, unit: 'us', value: quantile(sample, 0.99), ...size });
  print({ bench: `${name}/mean`, unit: 'us', value: sample.reduce((sum, one) => sum + one, 0) / count, ...size });
  print({ bench: `${name}/cpu`, unit: 'us', value: (cpu / count) * 1e6, ...held(), ...size });
}

/** What the sets hold by now, for comparison with another index on the same load. */
function held(): { readonly members: number; readonly checksum: number } {
  return { members: reader.members, checksum: reader.checksum };
}

/** CPU time of all threads so far, the collector's included. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function peakMb(): number {
  return process.resourceUsage().maxRSS / 1024;
}

/** What is alive after a collection, typed arrays included. */
function heapMb(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}

const before = cpuSeconds();
const taken = fill();
const cpu = cpuSeconds() - before;
print({ bench: 'label-index/load', unit: 's', value: taken, ...size });
print({ bench: 'label-index/load/cpu', unit: 's', value: cpu, ...held(), ...size });
print({ bench: 'label-index/peak-rss', unit: 'MB', value: peakMb(), ...size });
print({ bench: 'label-index/heap', unit: 'MB', value: heapMb(), ...size });
measure('relabel', relabels, (k) => setEndpoint(hash(k, 77) % endpoints, 100));
measure('add-selector', newSelectors, (k) => setSelector(load.set(selectors + k)));
measure('relabel-namespace', Math.min(200, load.namespaces), (x) => setParent(x, 1));
