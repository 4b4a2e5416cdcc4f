/**
 * Rulesets as flat lists. `flat/prove-rules`: one class of 2,000 rules in two stages, compared with its list of about as many rules, for
 * every content of 20 groups and for the present one. `flat/prove-classes`: 2,000 classes of 5 rules in one list of 10,000. Beside them,
 * what it takes to write the lists. The medians of some runs, in one thread, without the start of a worker.
 */
import { BucketMap } from '../src/base/bucket-map.ts';
import type { BorderRule, Class, Group, Ruleset, Stage } from '../src/border/ruleset.ts';
import { PortSet } from '../src/ip/port-set.ts';
import { PrefixSet } from '../src/ip/prefix-set.ts';
import { classLayout, groupLayout } from '../src/plan/flat/flatten.ts';
import { prove } from '../src/plan/flat/prove.ts';
import { load, print, quantile, smoke } from './figure.ts';
import { RULES, largeRuleset } from './ruleset.ts';

const rules = smoke ? 100 : 2_000;
const classes = smoke ? 20 : 2_000;
const rounds = smoke ? 1 : 5;
const GROUPS = 20;

/** A fixed sequence that looks random. */
function* numbers(): Generator<number, never> {
  let state = 1;
  for (;;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state >>> 8;
  }
}

const drawn = numbers();
const below = (limit: number): number => drawn.next().value % limit;

/** As people write them: services of a few dozen ports, to networks of several sizes and to network sets, a fifth of them denied. */
function rule(index: number, pass: boolean): BorderRule {
  const toGroup = below(10) === 0;
  const last = below(2) === 0 ? '0/24' : `${below(16) * 16}/28`;
  const nets = PrefixSet.parse([below(10) === 0 ? `198.${18 + below(2)}.0.0/16` : `198.18.${below(256)}.${last}`]);
  return {
    origin: { policy: `ClusterBorderPolicy/policy-${Math.floor(index / 10)}`, rule: index % 10 },
    family: 4,
    action: pass && index % 20 === 19 ? 'Next' : below(5) === 0 ? 'Deny' : 'Allow',
    protocol: below(4) === 0 ? 17 : 6,
    ports: PortSet.of(1 + below(50)),
    outside: { ...(toGroup ? {} : { nets }), groups: toGroup ? [`g${below(GROUPS)}`] : [], notGroups: [], domains: [] },
    widen: false,
  };
}

function stage(layer: Stage['layer'], count: number, pass: boolean): Stage {
  return {
    id: `stage-${layer}`,
    layer,
    name: layer,
    rules: Array.from({ length: count }, (_, index) => rule(index, pass)),
    end: 'Deny',
    endOrigin: { policy: `layer/${layer}` },
  };
}

function oneClass(): Ruleset {
  // One rule in twenty passes on to a short second stage: the list is about as long as both together.
  const stages = [stage('ClusterBorderPolicy', rules, true), stage('BorderPolicy', 5, false)];
  const part = { id: 'part', stages, otherwise: 'Deny', otherwiseOrigin: { policy: 'layer/unselected' } } as const;
  const only: Class = { id: 'class', family: 4, parts: [part], widened: [] };
  const groups = Array.from({ length: GROUPS }, (_, of): [string, Group] => [
    `g${of}`,
    {
      id: `g${of}`,
      kind: 'Outside',
      family: 4,
      selector: `name == "${of}"`,
      nets: PrefixSet.parse(Array.from({ length: 50 }, () => `203.0.${below(256)}.${below(256)}/32`)),
    },
  ]);
  return {
    firewall: 'edge',
    cluster: 'bench',
    destinations: PrefixSet.all,
    inside: PrefixSet.parse(['10.128.0.0/12']),
    networks: PrefixSet.parse(['10.128.0.0/12']),
    classes: new Map([['class', only]]),
    members: BucketMap.empty(),
    groups: new Map(groups),
    nats: [],
    established: 'Cut',
  };
}

const options = { form: 'Full', capabilities: { leave: false, domains: false, log: false } } as const;
const cases = {
  rules: { ruleset: oneClass(), of: { rules } },
  classes: { ruleset: largeRuleset({ addresses: 0, groups: 0, classes }), of: { classes, rulesOfEach: RULES } },
};

for (const [name, { ruleset, of }] of Object.entries(cases)) {
  const times = { class: [] as number[], group: [] as number[], prove: [] as number[] };
  const timed = <T>(list: number[], work: () => T): T => {
    const started = performance.now();
    const result = work();
    list.push((performance.now() - started) / 1000);
    return result;
  };
  let length = 0;
  let groupLength = 0;
  for (let round = 0; round < rounds; round++) {
    const { list } = timed(times.class, () => classLayout(ruleset, options));
    groupLength = timed(times.group, () => groupLayout(ruleset, options)).list.rules.length;
    const proof = timed(times.prove, () => prove(ruleset, list));
    if (proof.kind !== 'Equal') throw new Error(JSON.stringify(proof));
    length = list.rules.length;
  }
  const circumstances = { ...of, list: length, ...load() };
  print({ bench: `flat/class-layout-${name}`, unit: 's', value: quantile(times.class, 0.5), ...circumstances });
  const grouped = { ...circumstances, list: groupLength };
  print({ bench: `flat/group-layout-${name}`, unit: 's', value: quantile(times.group, 0.5), ...grouped });
  const budget = name === 'rules' ? { budget: 2 } : {};
  print({ bench: `flat/prove-${name}`, unit: 's', value: quantile(times.prove, 0.5), ...budget, ...circumstances });
}
