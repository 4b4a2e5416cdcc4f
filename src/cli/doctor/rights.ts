import { z } from 'zod';
import { CALICO, CALICO_STORAGE, kinds } from '../../api/kinds.ts';
import type { ApiClient } from '../../kubernetes/api-client.ts';
import type { Served } from '../../kubernetes/discovery.ts';
import { type Feature, features, type Right, rights, type Verb } from '../../kubernetes/rights.ts';
import type { Check } from './checks.ts';

/** So many questions at once. */
const AT_ONCE = 8;

const review = z.object({ status: z.object({ allowed: z.boolean(), denied: z.boolean().optional() }) });

/** What is not asked for by every installation, and how one asks for it. */
const OPTIONAL: Partial<Readonly<Record<Feature, string>>> = {
  queries: 'server.queries beyond loopback',
  readiness: 'readiness gates, which have a service account of their own',
};

/** One verb of a right, which we do not have. */
interface Missing {
  readonly right: Right;
  readonly verb: Verb;
}

export interface RightsQuestion {
  readonly api: ApiClient;
  readonly served: Served;
  /** Our own. */
  readonly namespace: string;
  /** Secrets that firewalls name; absent: nobody knows. */
  readonly secrets?: readonly string[];
  /** Whether the configuration has what needs a feature; absent: it is not known. */
  readonly uses?: (feature: Feature) => boolean;
}

/** Asks for every right of the table; one check for each feature. Rights on kinds that are not served are not needed. */
export async function checkRights(question: RightsQuestion, signal: AbortSignal): Promise<readonly Check[]> {
  const { served, secrets } = question;
  const needed = rights.flatMap((right): readonly Right[] => {
    if (right.feature === 'credentials' && secrets !== undefined)
      return secrets.map((name) => ({ ...right, names: [name] }));
    return isNeeded(right, served) ? [right] : [];
  });
  const asked = needed.flatMap((right) => right.verbs.map((verb) => ({ right, verb })));
  const missing: Missing[] = [];
  for (let at = 0; at < asked.length; at += AT_ONCE) {
    const answers = await Promise.all(
      asked.slice(at, at + AT_ONCE).map(async (one) => ({ one, allowed: await isAllowed(question, one, signal) })),
    );
    for (const { one, allowed } of answers) if (!allowed) missing.push(one);
  }
  return (Object.keys(features) as Feature[]).map((feature) => checkOf(feature, missing, question));
}

function checkOf(feature: Feature, missing: readonly Missing[], { uses, namespace }: RightsQuestion): Check {
  const ofFeature = missing.filter(({ right }) => right.feature === feature);
  const about = { check: 'rights', subject: feature } as const;
  if (ofFeature.length === 0) return { ...about, result: 'OK', message: 'all there' };
  const text = `missing: ${namesOf(ofFeature, namespace)}`;
  const optional = OPTIONAL[feature];
  if (optional !== undefined && uses?.(feature) !== true)
    return { ...about, result: 'Skipped', message: `needed for ${optional}; ${text}` };
  return {
    ...about,
    result: feature === 'watch' || uses?.(feature) === true ? 'Error' : 'Warning',
    message: `${text}; ${features[feature]}`,
    fix: 'Give them with the roles of deploy/chart, or those of docs/reference/rights.md.',
  };
}

/** `list, watch on pods, nodes`: what has the same verbs together, in the order of the table. */
function namesOf(missing: readonly Missing[], namespace: string): string {
  const verbsOf = new Map<Right, Verb[]>();
  for (const { right, verb } of missing) verbsOf.set(right, [...(verbsOf.get(right) ?? []), verb]);
  const byVerbs = new Map<string, string[]>();
  for (const [right, verbs] of verbsOf) {
    const key = verbs.join(', ');
    byVerbs.set(key, [...(byVerbs.get(key) ?? []), titleOf(right, namespace)]);
  }
  return [...byVerbs].map(([verbs, titles]) => `${verbs} on ${titles.join(', ')}`).join('; ');
}

function titleOf({ group, resource, subresource, names, scope }: Right, namespace: string): string {
  const part = subresource === undefined ? '' : `/${subresource}`;
  const name = names === undefined ? '' : ` ${names.join(', ')}`;
  const where = scope === 'OwnNamespace' ? ` in namespace ${namespace}` : '';
  return `${resource}${group === '' ? '' : `.${group}`}${part}${name}${where}`;
}

/** Kinds of others that are not served need no right, and Calico's storage none where its API is served. */
function isNeeded({ group, resource }: Right, served: Served): boolean {
  const kind = kinds.find(({ plural, group: of }) => plural === resource && (of === group || isCalico(of, group)));
  if (kind === undefined || kind.ours || kind.group === '') return true;
  if (group === CALICO_STORAGE && served.versions(CALICO).length > 0) return false;
  const versions = group === CALICO_STORAGE ? ['v1'] : kind.versions;
  return versions.some((version) => served.serves({ group, version, plural: resource }) !== 'no');
}

function isCalico(of: string, group: string): boolean {
  return of === CALICO && group === CALICO_STORAGE;
}

async function isAllowed(
  { api, namespace }: RightsQuestion,
  { right: { group, resource, subresource, names, scope }, verb }: Missing,
  signal: AbortSignal,
): Promise<boolean> {
  const resourceAttributes = {
    verb,
    group,
    resource,
    ...(subresource !== undefined && { subresource }),
    ...(names?.[0] !== undefined && { name: names[0] }),
    ...(scope === 'OwnNamespace' && { namespace }),
  };
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes },
  };
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  const { allowed, denied } = review.parse(await api.call({ method: 'POST', path, body }, signal)).status;
  return allowed && denied !== true;
}
