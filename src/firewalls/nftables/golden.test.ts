import { describe, expect, test } from 'vitest';
import { BucketMap } from '../../base/bucket-map.ts';
import type { BorderRule, Class, Nat, NatTarget, Part, Ruleset, Stage } from '../../border/ruleset.ts';
import { PortSet } from '../../ip/port-set.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import type { NftTable } from './table/model.ts';
import { renderTable } from './table/render.ts';
import { renderStep, stepsTo } from './change/steps.ts';
import { translate } from './table/translate.ts';

const nets = (...texts: string[]): PrefixSet => PrefixSet.parse(texts);
const nowhere = { groups: [], notGroups: [], domains: [] } as const;

function rule(policy: string, index: number, more: Partial<BorderRule>): BorderRule {
  return { origin: { policy, rule: index }, family: 4, action: 'Allow', outside: nowhere, widen: false, ...more };
}

const security: Stage = {
  id: 'cluster-policies-4',
  layer: 'ClusterBorderPolicy',
  name: 'ClusterBorderPolicy',
  rules: [
    rule('ClusterBorderPolicy/no-legacy', 0, {
      action: 'Deny',
      outside: { ...nowhere, nets: nets('203.0.113.66/32') },
    }),
    rule('ClusterBorderPolicy/audit', 0, {
      action: 'Log',
      outside: { ...nowhere, nets: nets('203.0.113.0/24') },
    }),
    rule('ClusterBorderPolicy/audit', 1, {
      action: 'Next',
      protocol: 6,
      ports: PortSet.of(80, 443),
      outside: { ...nowhere, nets: nets('203.0.113.0/24') },
    }),
  ],
  end: 'Next',
  endOrigin: { policy: 'layer/ClusterBorderPolicy' },
};

const own: Stage = {
  id: 'payments-4',
  layer: 'BorderPolicy',
  name: 'BorderPolicy',
  rules: [
    rule('BorderPolicy/shop/payments', 0, {
      protocol: 6,
      ports: PortSet.of(443, [8000, 8080]),
      outside: { ...nowhere, groups: ['bank-4'] },
    }),
    rule('BorderPolicy/shop/payments', 1, {
      protocol: 1,
      icmp: { type: 8 },
      outside: { ...nowhere, groups: ['bank-4'] },
    }),
    rule('BorderPolicy/shop/payments', 2, { protocol: 17, ports: PortSet.of(53) }),
  ],
  end: 'Deny',
  endOrigin: { policy: 'layer/BorderPolicy' },
};

const part = (id: string, ...stages: Stage[]): Part => ({
  id,
  stages,
  otherwise: 'Allow',
  otherwiseOrigin: { policy: 'unselected' },
});

const payments: Class = { id: 'payments-4', family: 4, parts: [part('p', security, own)], widened: [] };

const bank: Ruleset = {
  firewall: 'edge-1',
  cluster: 'prod-eu',
  destinations: PrefixSet.all,
  inside: nets('10.128.0.0/12', '192.168.7.0/24', 'fd80::/16'),
  networks: nets('10.128.0.0/12', 'fd80::/16'),
  classes: new Map([['payments-4', payments]]),
  members: BucketMap.from([
    ['10.128.0.1', 'payments-4'],
    ['10.128.0.2', 'payments-4'],
  ]),
  groups: new Map([
    [
      'bank-4',
      {
        id: 'bank-4',
        kind: 'Outside',
        family: 4,
        selector: 'role == "bank"',
        nets: nets('203.0.113.0/24', '198.51.100.7/32'),
      },
    ],
  ]),
  nats: [],
  established: 'Cut',
};

function lastTable(actual: NftTable | undefined, ruleset: Ruleset): NftTable | undefined {
  return stepsTo(actual, translate(ruleset)).findLast((step) => step.does === 'transaction')?.after;
}

/** The steps from one ruleset to the next, as `plan` shows them. */
function story(before: Ruleset, after: Ruleset): string {
  const steps = stepsTo(lastTable(undefined, before), translate(after));
  return steps
    .map((step) => {
      const scope = step.does === 'judge' ? `${String(step.scope)}\n` : (renderStep(step) ?? '');
      const objects = step.objects.map(({ change, kind, name, detail }) => `#   ${change} ${kind} ${name} ${detail}\n`);
      return `# ${step.kind}${step.urgent ? ' (urgent)' : ''}: ${step.title}\n${objects.join('')}${scope}`;
    })
    .join('\n');
}

describe('golden tables', () => {
  test('one class with two layers', async () => {
    await expect(renderTable(translate(bank).table)).toMatchFileSnapshot('golden/two-layers.nft');
  });

  test('translations in order, one exempt, one held', async () => {
    const nat = (id: string, destination: PrefixSet, sources: Record<string, NatTarget>): Nat => ({
      id,
      family: 4,
      origin: { policy: `SourceNAT/${id}` },
      destination,
      sources: BucketMap.from(Object.entries(sources)),
    });
    const ruleset: Ruleset = {
      ...bank,
      nats: [
        nat('bank', nets('203.0.113.0/24'), {
          '10.128.0.1': { kind: 'Exempt' },
          '10.128.0.2': { kind: 'Hold', reason: 'no address left' },
        }),
        nat('all', PrefixSet.all, {
          '10.128.0.1': { kind: 'Address', address: '198.18.0.1' },
          '10.128.0.2': { kind: 'Address', address: '198.18.0.2' },
        }),
      ],
    };
    await expect(renderTable(translate(ruleset).table)).toMatchFileSnapshot('golden/translations.nft');
  });

  test('a repeated tier, a shared address and a widened one', async () => {
    const tier: Stage = {
      id: 'tier-default-4',
      layer: 'Tier',
      name: 'default',
      rules: [
        rule('NetworkPolicy/shop/web', 0, { action: 'SkipToOwn', protocol: 6, ports: PortSet.of(443) }),
        rule('NetworkPolicy/shop/web', 1, { action: 'Next', protocol: 1, notIcmp: { type: 3, code: 4 } }),
      ],
      end: 'Deny',
      endOrigin: { policy: 'tier/default' },
    };
    const wide: Stage = {
      ...own,
      id: 'wide-4',
      rules: [rule('BorderPolicy/shop/agents', 0, { widen: true, outside: { ...nowhere, groups: ['bank-4'] } })],
    };
    const shared: Class = { id: 'shared', family: 4, parts: [part('a', tier, own), part('b', security)], widened: [] };
    const blind: Class = { id: 'blind', family: 4, parts: [part('a', tier, own)], widened: [part('w', wide)] };
    const ruleset: Ruleset = {
      ...bank,
      classes: new Map([shared, blind].map((one) => [one.id, one])),
      members: BucketMap.from([
        ['10.128.0.1', 'shared'],
        ['192.168.7.11', 'blind'],
      ]),
    };
    await expect(renderTable(translate(ruleset).table)).toMatchFileSnapshot('golden/tier-shared-widened.nft');
  });
});

describe('golden steps', () => {
  test('a pod comes', async () => {
    const after = { ...bank, members: bank.members.with([['10.128.0.3', 'payments-4']]) };
    await expect(story(bank, after)).toMatchFileSnapshot('golden/pod-comes.nft');
  });

  test('a pod goes', async () => {
    const after = { ...bank, members: bank.members.with([['10.128.0.2', undefined]]) };
    await expect(story(bank, after)).toMatchFileSnapshot('golden/pod-goes.nft');
  });

  test('a policy is narrowed', async () => {
    const narrowed: Stage = { ...own, rules: own.rules.slice(0, 2) };
    const after: Ruleset = {
      ...bank,
      classes: new Map([['payments-4', { ...payments, parts: [part('p', security, narrowed)] }]]),
    };
    await expect(story(bank, after)).toMatchFileSnapshot('golden/policy-narrowed.nft');
  });

  test('the bank gets another network', async () => {
    const groups = new Map(bank.groups);
    const group = groups.get('bank-4');
    if (group?.kind !== 'Outside') throw new Error('no group');
    groups.set('bank-4', { ...group, nets: nets('203.0.113.0/25', '198.51.100.7/32') });
    await expect(story(bank, { ...bank, groups })).toMatchFileSnapshot('golden/network-changes.nft');
  });

  test('the first time', async () => {
    const steps = stepsTo(
      undefined,
      translate({ ...bank, classes: new Map(), members: BucketMap.empty(), groups: new Map() }),
    );
    const text = steps.map((step) => `# ${step.kind}: ${step.title}\n${renderStep(step) ?? ''}`).join('\n');
    await expect(text).toMatchFileSnapshot('golden/first-time.nft');
  });
});
