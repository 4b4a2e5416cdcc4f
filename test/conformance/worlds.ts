import {
  adminPolicy,
  endpointSlice,
  hostEndpoint,
  kubernetesPolicy,
  namespace,
  networkSet,
  pod,
  policy,
  serviceAccount,
  stagedPolicy,
  tier,
} from '../kit/objects.ts';
import type { PlainObject } from '../kit/plain-objects.ts';

/** A whole cluster by name: its objects, and what some flows get there, as `ask` of `test/kit/two-pods.ts` writes it. */
export interface NamedWorld {
  readonly objects: readonly PlainObject[];
  readonly answers: Readonly<Record<string, string>>;
}

const WEB = '10.0.0.1';
const DB = '10.0.0.2';
const BANK = '198.51.100.7';
const HOST = '192.0.2.1';

const a = namespace('a', { env: 'prod' });
const b = namespace('b', { env: 'test' });
const web = pod('a/web', { labels: { app: 'web' }, ips: [WEB, 'fd00::1'], ports: ['http:80'], account: 'robot' });
const db = pod('b/db', { labels: { app: 'db' }, ips: [DB], ports: ['sql:5432'] });
const base = [a, b, web, db, serviceAccount('a/robot', { tier: 'front' })];

const toDb = `${WEB} -> ${DB}:5432/TCP`;
const toBank = `${WEB} -> ${BANK}:443/TCP`;
const toHost = `${BANK} -> ${HOST}:22/TCP`;
const open = 'yes: allow Profile/kns.a#0 profile | allow Profile/kns.b#0 profile';

const fromFront = kubernetesPolicy('b/db', {
  podSelector: { matchLabels: { app: 'db' } },
  ingress: [{ from: [{ namespaceSelector: { matchLabels: { env: 'prod' } } }], ports: [{ port: 'sql' }] }],
});
const bank = networkSet('bank', { kind: 'bank' }, ['198.51.100.0/24']);
const toBanks = policy('a/out', {
  selector: "app == 'web'",
  types: ['Egress'],
  egress: [{ action: 'Allow', destination: { selector: "kind == 'bank'", namespaceSelector: 'global()' } }],
});
const host = hostEndpoint('edge', { role: 'edge' }, { expectedIPs: [HOST] });
const everyPod = { namespaces: {} };

const WORLDS = {
  empty: { objects: [], answers: { [toDb]: 'yes: - | -' } },
  'two pods': { objects: base, answers: { [toDb]: open, [toBank]: 'yes: allow Profile/kns.a#0 profile | -' } },
  'one without its namespace': {
    objects: [b, web, db],
    answers: { [toDb]: 'no: deny no-profile-match | allow Profile/kns.b#0 profile' },
  },
  'an isolated database': {
    objects: [...base, fromFront],
    answers: {
      [toDb]: 'yes: allow Profile/kns.a#0 profile | allow default KubernetesNetworkPolicy/b/db#0 rule',
      [`${WEB} -> ${DB}:80/TCP`]: 'no: allow Profile/kns.a#0 profile | deny default tier-default',
    },
  },
  'its client in another environment': {
    objects: [namespace('a', { env: 'lab' }), b, web, db, fromFront],
    answers: { [toDb]: 'no: allow Profile/kns.a#0 profile | deny default tier-default' },
  },
  'its port under another number': {
    objects: [a, b, web, pod('b/db', { labels: { app: 'db' }, ips: [DB], ports: ['sql:80'] }), fromFront],
    answers: { [toDb]: 'no: allow Profile/kns.a#0 profile | deny default tier-default' },
  },
  'a way to the bank': {
    objects: [...base, toBanks, bank],
    answers: {
      [toBank]: 'yes: allow default NetworkPolicy/a/out#0 rule | -',
      [toDb]: 'no: deny default tier-default | allow Profile/kns.b#0 profile',
    },
  },
  'the bank gone': { objects: [...base, toBanks], answers: { [toBank]: 'no: deny default tier-default | -' } },
  'the bank anywhere': {
    objects: [...base, toBanks, networkSet('bank', { kind: 'bank' }, ['0.0.0.0/0'])],
    answers: { [toDb]: 'yes: allow default NetworkPolicy/a/out#0 rule | allow Profile/kns.b#0 profile' },
  },
  'a soft tier first': {
    objects: [
      ...base,
      toBanks,
      tier('first', { order: 5, defaultAction: 'Pass' }),
      policy('watch', {
        tier: 'first',
        serviceAccountSelector: "tier == 'front'",
        types: ['Egress'],
        egress: [{ action: 'Log' }, { action: 'Pass', protocol: 'TCP' }, { action: 'Deny' }],
      }),
    ],
    answers: {
      [toBank]: 'no: deny default tier-default after first:GlobalNetworkPolicy/watch#1 | -',
      [`${WEB} -> ${BANK}:53/UDP`]: 'no: deny first GlobalNetworkPolicy/watch#2 rule | -',
    },
  },
  'a tier that nobody made': {
    objects: [...base, policy('lost', { tier: 'gone', selector: "app == 'web'", types: ['Egress'] })],
    answers: { [toBank]: 'no: deny gone tier-default | -' },
  },
  'an address with two owners': {
    objects: [
      ...base,
      pod('b/late', { labels: { app: 'late' }, ips: [WEB] }),
      policy('b/late', { selector: "app == 'late'", types: ['Egress'] }),
    ],
    answers: { [toDb]: 'no: deny default tier-default | allow Profile/kns.b#0 profile' },
  },
  'one of them finished': {
    objects: [
      ...base,
      pod('b/late', { labels: { app: 'late' }, ips: [WEB], phase: 'Failed' }),
      policy('b/late', { selector: "app == 'late'", types: ['Egress'] }),
    ],
    answers: { [toDb]: open },
  },
  'a service': {
    objects: [
      ...base,
      endpointSlice('b/db-1', 'db', [DB], ['5432']),
      policy('a/out', {
        selector: "app == 'web'",
        egress: [{ action: 'Allow', destination: { services: { name: 'db', namespace: 'b' } } }],
      }),
    ],
    answers: { [toDb]: 'yes: allow default NetworkPolicy/a/out#0 rule | allow Profile/kns.b#0 profile' },
  },
  'a service elsewhere': {
    objects: [
      ...base,
      endpointSlice('b/db-1', 'db', [BANK], ['5432']),
      policy('a/out', {
        selector: "app == 'web'",
        egress: [{ action: 'Allow', destination: { services: { name: 'db', namespace: 'b' } } }],
      }),
    ],
    answers: {
      [toDb]: 'no: deny default tier-default | allow Profile/kns.b#0 profile',
      [`${WEB} -> ${BANK}:5432/TCP`]: 'yes: allow default NetworkPolicy/a/out#0 rule | -',
    },
  },
  'a closed host': { objects: [...base, host], answers: { [toHost]: 'no: - | deny no-profile-match' } },
  'a host with all four lists': {
    objects: [
      ...base,
      host,
      ...Object.entries({
        untracked: { doNotTrack: true, applyOnForward: true },
        prednat: { preDNAT: true, applyOnForward: true },
        forward: { applyOnForward: true },
      }).map(([name, flags]) => policy(name, { selector: "role == 'edge'", types: ['Ingress'], ...flags })),
      policy('normal', {
        selector: "role == 'edge'",
        order: 1,
        ingress: [{ action: 'Allow', protocol: 'TCP', destination: { ports: [22] } }],
      }),
    ],
    answers: {
      [toHost]: 'yes: - | allow default GlobalNetworkPolicy/normal#0 rule after default:default, default:default',
    },
  },
  'rules for the whole cluster': {
    objects: [
      ...base,
      adminPolicy('ClusterNetworkPolicy', 'x', {
        tier: 'Admin',
        priority: 5,
        subject: everyPod,
        egress: [
          { action: 'Pass', to: [{ networks: ['198.51.100.0/24'] }] },
          { action: 'Deny', to: [{ pods: { namespaceSelector: {}, podSelector: {} } }] },
        ],
      }),
      adminPolicy('ClusterNetworkPolicy', 'y', {
        tier: 'Baseline',
        priority: 5,
        subject: everyPod,
        egress: [{ action: 'Deny', to: [{ networks: ['198.51.100.0/25'] }] }],
      }),
    ],
    answers: {
      [toDb]: 'no: deny kube-admin KubernetesClusterNetworkPolicy/x#1 rule | allow Profile/kns.b#0 profile',
      [toBank]:
        'no: deny kube-baseline KubernetesClusterNetworkPolicy/y#0 rule after kube-admin:KubernetesClusterNetworkPolicy/x#0 | -',
    },
  },
  'a policy on trial': {
    objects: [...base, stagedPolicy('a/out', { selector: 'all()', types: ['Ingress', 'Egress'] })],
    answers: { [toDb]: open },
  },
} satisfies Record<string, NamedWorld>;

export type WorldName = keyof typeof WORLDS;
export const worlds: Readonly<Record<WorldName, NamedWorld>> = WORLDS;

/** Stories of a cluster: each is walked on every road. */
export const sequences: readonly (readonly WorldName[])[] = [
  ['empty', 'two pods', 'an isolated database', 'its client in another environment', 'two pods'],
  ['an isolated database', 'its port under another number', 'one without its namespace', 'an isolated database'],
  ['two pods', 'a way to the bank', 'the bank gone', 'the bank anywhere', 'a soft tier first'],
  ['a tier that nobody made', 'a soft tier first', 'a tier that nobody made'],
  ['an address with two owners', 'one of them finished', 'an address with two owners', 'two pods'],
  ['a service', 'a service elsewhere', 'the bank gone', 'a service'],
  ['a closed host', 'a host with all four lists', 'two pods', 'a closed host'],
  ['rules for the whole cluster', 'a policy on trial', 'a way to the bank', 'rules for the whole cluster'],
];
