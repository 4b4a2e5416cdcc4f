/**
 * The label-index load of docs/design: `npm run bench -- label-index`, or `npx tsx bench/label-index.bench.ts ENDPOINTS SELECTORS
 * [endpoints-first]` for other sizes than 100,000 and 1,000. Selectors come before endpoints unless told otherwise.
 */
import process from 'node:process';
import { type IndexedEndpoint, LabelIndex } from '../src/engine/label-index.ts';
import { print, quantile, smoke } from './figure.ts';

const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const endpoints = Number(words[0] ?? (smoke ? 2000 : 100_000));
const selectors = Number(words[1] ?? (smoke ? 100 : 1000));
const endpointsFirst = words[2] === 'endpoints-first';
const relabels = smoke ? 1000 : 20_000;
const newSelectors = smoke ? 100 : 1000;
const namespaces = Math.max(10, Math.floor(endpoints / 250));

/** The load's own hash on unsigned 32-bit integers. */
function h(i: number, k: number): number {
  let x = (Math.imul(i, 2654435761) + Math.imul(k, 40503) + 12345) >>> 0;
  x = (x ^ (x << 13)) >>> 0;
  x = (x ^ (x >>> 17)) >>> 0;
  return (x ^ (x << 5)) >>> 0;
}

/** Labels of endpoint i; a relabelled one has `shift` added to each constant. */
function endpoint(i: number, shift: number): IndexedEndpoint {
  const namespace = `ns${i % namespaces}`;
  const labels = new Map([
    ['projectcalico.org/namespace', namespace],
    ['projectcalico.org/orchestrator', 'k8s'],
    ['app', `app-${h(i, 1 + shift) % 500}`],
    ['tier', ['fe', 'be', 'db'][h(i, 2 + shift) % 3] ?? ''],
    ['version', `v${h(i, 3 + shift) % 20}`],
    [
      'pod-template-hash',
      h(Math.floor(i / 10), 4 + shift)
        .toString(16)
        .padStart(8, '0'),
    ],
  ]);
  if (h(i, 5 + shift) % 2 === 0) labels.set('role', `r${h(i, 6 + shift) % 8}`);
  return {
    labels,
    nets: [`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`],
    ports: [],
    parents: [`kns.${namespace}`],
  };
}

function parentLabels(x: number, later: number): ReadonlyMap<string, string> {
  return new Map([
    ['pcns.projectcalico.org/name', `ns${x}`],
    ['pcns.env', ['prod', 'dev', 'test', 'stage'][(x + later) % 4] ?? ''],
    ['pcns.team', `t${x % 20}`],
  ]);
}

function selector(j: number): string {
  const app = (k: number): string => `app-${h(j, k) % 500}`;
  const namespace = `ns${h(j, 20) % namespaces}`;
  switch (j % 10) {
    case 4:
      return `pcns.projectcalico.org/name == '${namespace}'`;
    case 5:
      return `app in {'${app(8)}', '${app(9)}', '${app(10)}'} && tier == 'be'`;
    case 6:
      return `pcns.env == 'prod' && app == '${app(11)}' && has(role)`;
    case 7:
      return `role == 'r3' && version starts with 'v1' && app == '${app(12)}'`;
    case 8:
      return `app == '${app(13)}' && version not in {'v1', 'v2'}`;
    case 9:
      return `pcns.team == 't${h(j, 14) % 20}' && tier != 'db' && app == '${app(15)}'`;
    default:
      return `projectcalico.org/namespace == '${namespace}' && app == '${app(7)}'`;
  }
}

const BROAD = ['all()', 'has(app)', "pcns.env == 'prod'", "tier == 'fe'", '!has(role)'];

const size = { endpoints, selectors, order: endpointsFirst ? 'endpoints-first' : 'selectors-first' };

/** Times each call and prints the usual and the slow ones. */
function measure(what: string, count: number, call: (k: number) => void): void {
  const taken: number[] = [];
  for (let k = 0; k < count; k++) {
    const start = performance.now();
    call(k);
    taken.push((performance.now() - start) * 1000);
  }
  for (const q of [0.5, 0.99])
    print({ bench: `label-index/${what}/p${q * 100}`, unit: 'us', value: quantile(taken, q), ...size });
}

const index = new LabelIndex();
let members = 0;

function addSelectors(): void {
  for (const [n, text] of BROAD.entries()) members += index.setSelector(`broad-${n}`, text).added.length;
  for (let j = 0; j < selectors; j++) members += index.setSelector(`s${j}`, selector(j)).added.length;
}

function addEndpoints(): void {
  for (let i = 0; i < endpoints; i++)
    members += index.setEndpoint(`pod:ns${i % namespaces}/p${i}`, endpoint(i, 0)).added.length;
}

const start = performance.now();
for (let x = 0; x < namespaces; x++) index.setParent(`kns.ns${x}`, parentLabels(x, 0));
if (!endpointsFirst) addSelectors();
addEndpoints();
if (endpointsFirst) addSelectors();
print({ bench: 'label-index/load', unit: 's', value: (performance.now() - start) / 1000, members, ...size });

measure('relabel', relabels, (k) => {
  const i = h(k, 77) % endpoints;
  index.setEndpoint(`pod:ns${i % namespaces}/p${i}`, endpoint(i, 100));
});
measure('add-selector', newSelectors, (k) => void index.setSelector(`s${selectors + k}`, selector(selectors + k)));
measure('relabel-namespace', Math.min(200, namespaces), (x) => void index.setParent(`kns.ns${x}`, parentLabels(x, 1)));
print({ bench: 'label-index/rss', unit: 'MB', value: process.memoryUsage().rss / 2 ** 20, ...size });
print({ bench: 'label-index/peak-rss', unit: 'MB', value: process.resourceUsage().maxRSS / 1024, ...size });
