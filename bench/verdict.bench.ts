/**
 * Answers about flows and endpoints, out of the library: one verdict where 100, and where all, of 10,000 policies select the endpoint; the
 * policies that apply to an endpoint; and many different flows through a cluster of a usual size.
 */
import process from 'node:process';
import type { Resource } from '../src/api/resource.ts';
import { Engine } from '../src/engine/engine.ts';
import { type Flow, packetOf } from '../src/engine/packet.ts';
import { policiesOf } from '../src/engine/queries.ts';
import { Inventory } from '../src/inventory/inventory.ts';
import { load, print, quantile, smoke } from './figure.ts';
import { pod, resource, townFlows, townOf } from './policy-world.ts';
import type { Raw } from './world.ts';

const RULES = 5;
const PODS = 50;

/** The third section of the policy load. `selecting`: how many policies select the pods. */
function verdictWorld(policies: number, selecting: number): Engine {
  const every = Math.floor(policies / selecting);
  return engineOf([
    ...Array.from({ length: PODS }, (_, k) =>
      pod({ namespace: 'all', name: `p${k}`, node: 'node-0', address: `10.0.0.${k + 1}`, labels: { app: 'x' } }),
    ),
    ...Array.from({ length: policies }, (_, j) =>
      resource(policyOf(j, j === policies - 1, (policies - 1 - j) % every === 0)),
    ),
  ]);
}

/** Each selector is another one, so that nothing is saved by policies that share theirs. */
function policyOf(j: number, isLast: boolean, selects: boolean): Raw {
  const allow = (net: string): Raw => ({
    action: 'Allow',
    protocol: 'TCP',
    destination: { nets: [net], ports: [443] },
  });
  const fifth = isLast ? allow('203.0.113.0/24') : { action: 'Log' };
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'GlobalNetworkPolicy',
    metadata: { name: `policy-${j}` },
    spec: {
      order: j + 1,
      selector: selects ? `app == 'x' && version != 'v${j}'` : `app == 'other-${j}'`,
      types: ['Egress'],
      egress: [
        ...Array.from({ length: RULES - 1 }, (_, r) => allow(`192.${(j >> 6) & 255}.${(j & 63) * 4 + r}.0/24`)),
        fifth,
      ],
    },
  };
}

function engineOf(resources: readonly Resource[]): Engine {
  const engine = new Engine(new Inventory('Calico'));
  for (const each of resources) engine.inventory.apply({ kind: 'put', resource: each });
  engine.flush();
  return engine;
}

/** Microseconds that one call takes, on average over a batch, so that clocks cost nothing. */
interface Taken {
  readonly wall: number;
  /** Of all threads: other programs are not in it, the garbage collector is. */
  readonly cpu: number;
}

function microseconds(batches: number, batch: number, call: (n: number) => void): readonly Taken[] {
  return Array.from({ length: batches }, (_, b) => {
    const cpu = process.cpuUsage();
    const started = performance.now();
    for (let n = 0; n < batch; n++) call(b * batch + n);
    const wall = ((performance.now() - started) * 1_000) / batch;
    const { user, system } = process.cpuUsage(cpu);
    return { wall, cpu: (user + system) / batch };
  });
}

/** Quantiles of wall time; what the same share of calls took of CPU stands beside them. */
function printQuantiles(
  name: string,
  unit: 'us' | 'ms',
  taken: readonly Taken[],
  rest: Readonly<Record<string, number>>,
): void {
  const scale = unit === 'ms' ? 1_000 : 1;
  for (const q of [0.5, 0.99]) {
    const of = (what: keyof Taken): number =>
      quantile(
        taken.map((each) => each[what] / scale),
        q,
      );
    const cpu = Number(of('cpu').toPrecision(4));
    print({ bench: `verdict/${name}/p${q * 100}`, unit, value: of('wall'), cpu, ...rest });
  }
}

/** One that is new to everybody: nothing that was worked out before is of use. */
function disturb(engine: Engine, n: number): void {
  engine.inventory.apply({
    kind: 'put',
    resource: pod({ namespace: 'all', name: 'other', node: 'node-0', address: '10.9.9.9', labels: { app: `o${n}` } }),
  });
  engine.flush();
}

function askedFlow(n: number): Flow {
  return { src: `10.0.0.${(n % PODS) + 1}`, dst: '203.0.113.7', proto: 'TCP', dport: 443 };
}

function oneVerdict(variant: 'A' | 'B', policies: number, selecting: number, budget: number): void {
  const engine = verdictWorld(policies, selecting);
  const sizes = { policies, selecting, rules: RULES, ...load() };
  const ask = (n: number): void => {
    const { egress } = engine.verdict(packetOf(askedFlow(n)));
    if (egress?.policy !== `GlobalNetworkPolicy/policy-${policies - 1}`) throw new Error('another policy decided');
  };
  // After policies changed: the second verdict files the rules that the first one walked through.
  for (const what of ['first', 'second'])
    print({
      bench: `verdict/${variant}/${what}`,
      unit: 'ms',
      value: (microseconds(1, 1, ask)[0]?.wall ?? 0) / 1_000,
      ...sizes,
    });
  const fresh: Taken[] = [];
  for (let n = 0; n < (smoke ? 5 : 1_000); n++) {
    disturb(engine, n);
    fresh.push(...microseconds(1, 1, ask));
  }
  printQuantiles(`${variant}/after-a-change`, 'ms', fresh, { budget: 5, ...sizes });
  microseconds(1, smoke ? 10 : 2_000, ask);
  // So many that the collector, which comes once in some hundred batches, does not decide the last hundredth by itself.
  const warm = microseconds(smoke ? 5 : 2_000, 50, ask);
  printQuantiles(`${variant}/warm`, 'us', warm, { budget, ...sizes });

  if (variant === 'A') return;
  const applied: Taken[] = [];
  for (let n = 0; n < (smoke ? 5 : 1_000); n++) {
    disturb(engine, n);
    applied.push(
      ...microseconds(1, 1, () => {
        const [tier] = policiesOf(engine, `pod:all/p${n % PODS}`).tiers;
        if (tier?.egress.length !== policies) throw new Error('policies are missing');
      }),
    );
  }
  printQuantiles('policies-of-endpoint', 'ms', applied, { budget: 1, ...sizes });
}

/** What `flow --stdin` asks the library: read the flow, judge it, and write the explained answer. */
function manyFlows(): void {
  const pods = smoke ? 100 : 1_000;
  const policies = smoke ? 30 : 300;
  const engine = engineOf([...townOf(pods, policies)]);
  const flows = townFlows(pods, smoke ? 500 : 50_000);
  let allowed = 0;
  let letters = 0;
  const started = performance.now();
  for (const flow of flows) {
    const verdict = engine.verdict(packetOf(flow));
    if (verdict.allowed) allowed++;
    letters += JSON.stringify(verdict).length;
  }
  const value = flows.length / ((performance.now() - started) / 1_000);
  const sizes = { pods, policies, flows: flows.length, allowed, letters, ...load() };
  print({ bench: 'verdict/flows', unit: 'per second', value, budget: 5_000, ...sizes });
}

const policies = smoke ? 200 : 10_000;
oneVerdict('A', policies, 100, 20);
oneVerdict('B', policies, policies, 500);
manyFlows();
print({ bench: 'verdict/peak-rss', unit: 'MB', value: process.resourceUsage().maxRSS / 1024 });
