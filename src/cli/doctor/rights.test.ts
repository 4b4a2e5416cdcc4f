import { expect, test } from 'vitest';
import type { ApiClient, ApiRequest } from '../../kubernetes/api-client.ts';
import type { Served } from '../../kubernetes/discovery.ts';
import { type Right, rights, type Verb } from '../../kubernetes/rights.ts';
import { checkRights } from './rights.ts';

interface Attributes {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** A server that answers questions about rights. */
function serverOf(isAllowed: (asked: Attributes) => boolean): ApiClient {
  const call = ({ body }: ApiRequest): Promise<unknown> => {
    const { spec } = body as { readonly spec: { readonly resourceAttributes: Attributes } };
    return Promise.resolve({ status: { allowed: isAllowed(spec.resourceAttributes) } });
  };
  return { title: 'server', call } as unknown as ApiClient;
}

/** Everything but Calico's storage form, or nothing but what every server has. */
const everything: Served = {
  serves: ({ group }) => (group === 'crd.projectcalico.org' ? 'no' : 'yes'),
  versions: (group) => (group === 'crd.projectcalico.org' ? [] : ['v3']),
};
const little: Served = { serves: () => 'no', versions: () => [] };

const never = new AbortController().signal;
const ask = (api: ApiClient, served: Served, secrets?: readonly string[]) =>
  checkRights({ api, served, namespace: 'own', uses: () => true, ...(secrets !== undefined && { secrets }) }, never);

const asked = rights
  .filter(({ group }) => group !== 'crd.projectcalico.org')
  .flatMap((right) => right.verbs.map((verb): readonly [Verb, Right] => [verb, right]));

test('each right that is missing is named, with the feature that needs it, and no other', async () => {
  for (const [verb, right] of asked) {
    const { group, resource, subresource, feature, scope } = right;
    const isIt = (one: Attributes): boolean =>
      one.verb === verb && one.group === group && one.resource === resource && one.subresource === subresource;
    const own = (one: Attributes): boolean => (one.namespace === 'own') === (scope === 'OwnNamespace');
    let wrongPlaces = 0;
    const api = serverOf((one) => {
      if (isIt(one) && !own(one)) wrongPlaces += 1;
      return !isIt(one);
    });
    const found = (await ask(api, everything)).filter(({ result }) => result !== 'OK');
    expect(found.map(({ subject, result }) => ({ subject, result }))).toEqual([{ subject: feature, result: 'Error' }]);
    expect(found[0]?.message).toContain(`missing: ${verb} on ${resource}`);
    expect(wrongPlaces).toBe(0);
  }
});

test('nobody needs rights on kinds that the server does not serve', async () => {
  const groups = new Set<string>();
  const api = serverOf(({ group }) => {
    groups.add(group);
    return true;
  });
  expect((await ask(api, little)).every(({ result }) => result === 'OK')).toBe(true);
  expect([...groups].filter((group) => group.includes('calico') || group.startsWith('policy.'))).toEqual([]);
  expect([...groups]).toContain('sallyport.dev');
});

test('of Secrets those are asked for that firewalls name, one by one', async () => {
  const api = serverOf(({ resource, name }) => resource !== 'secrets' || name === 'edge-1');
  const credentials = async (secrets?: readonly string[]): Promise<string | undefined> =>
    (await ask(api, everything, secrets)).find(({ subject }) => subject === 'credentials')?.message;
  expect(await credentials(['edge-1'])).toBe('all there');
  expect(await credentials(['edge-1', 'edge-2'])).toContain('missing: get on secrets edge-2 in namespace own;');
  expect(await credentials([])).toBe('all there');
  expect(await credentials()).toContain('missing: get on secrets in namespace own;');
});
