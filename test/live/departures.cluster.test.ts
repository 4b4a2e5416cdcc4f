/** `onDelete: Remove` with processes, a real API server and nftables: what is deleted while nobody looks, and what is no deletion at all. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { apply, define } from '../deploy/definitions.ts';
import { LiveBorder, until } from '../kit/live-border.ts';
import type { ApiObject } from '../kit/raw-api.ts';

const FIREWALLS = '/apis/sallyport.dev/v1alpha1/borderfirewalls';
const DEFINITION = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/borderfirewalls.sallyport.dev';
const FINALIZER = 'sallyport.dev/border';
/** Longer than whatever would be done takes. */
const LONG_MS = 12_000;
let live: LiveBorder;

beforeAll(async () => {
  live = await LiveBorder.open({ firewalls: ['keeps', 'removes'] });
  await live.pod('till', '10.1.0.1');
});
afterAll(() => live.close());
// Each test finds the definition and an object that is kept, whatever the one before has left, and brings its own `removes`.
beforeEach(async () => {
  await define(live.admin);
  if ((await object('keeps')) === undefined) await live.addFirewall('keeps');
  if ((await object()) === undefined) return;
  await patch({ metadata: { finalizers: null } });
  await remove();
  await gone();
});
afterEach(() => live.endCopies());

interface Held extends ApiObject {
  readonly metadata: ApiObject['metadata'] & {
    readonly finalizers?: readonly string[];
    readonly deletionTimestamp?: string;
  };
}

/** An event. */
interface Told {
  readonly note?: string;
  readonly regarding?: { readonly uid?: string };
}

/** `undefined`: it is gone. */
async function object(name = 'removes'): Promise<Held | undefined> {
  const { status, bytes } = await live.admin.send({ path: `${FIREWALLS}/${name}` });
  return status === 200 ? (JSON.parse(bytes.toString()) as Held) : undefined;
}
const finalizers = async (): Promise<readonly string[]> => (await object())?.metadata.finalizers ?? [];
const remove = (name = 'removes'): Promise<unknown> => live.admin.json('DELETE', `${FIREWALLS}/${name}`);
const patch = (body: object): Promise<unknown> =>
  live.admin.json('PATCH', `${FIREWALLS}/removes`, body, 'application/merge-patch+json');
const gone = (): Promise<unknown> => until(object, (found) => found === undefined);

/** With the object anew, by its form `onDelete: Remove`, held and in force. */
async function inForce(): Promise<void> {
  if ((await object()) === undefined) await live.addFirewall('removes', undefined, { onDelete: 'Remove' });
  else await patch({ spec: { onDelete: 'Remove' } });
  await until(finalizers, (list) => list.includes(FINALIZER));
  for (const firewall of ['keeps', 'removes'])
    await until(
      async () => ({ holds: await live.holds(firewall), table: await live.table(firewall) }),
      // Nothing is left to be tidied up.
      ({ holds, table }) => holds.length > 0 && table.includes('judge=none'),
    );
}

/** What the object tells of itself while it waits. */
async function told(): Promise<string> {
  const { conditions = [] } = await live.status('borderfirewalls', 'removes');
  return conditions
    .filter(({ type }) => type !== 'Ready')
    .map(({ type, reason, message }) => `${type} ${reason}: ${message}`)
    .join('\n');
}

test('with Remove alone the object is held; deleted, it goes once the table is gone from the firewall', async () => {
  await live.copy('one');
  await inForce();
  expect((await object('keeps'))?.metadata.finalizers).toBeUndefined();
  const kept = await live.table('keeps');
  await remove();
  await gone();
  expect(await live.table('removes')).toBe('');
  expect(await live.table('keeps')).toBe(kept);
});

test('deleted while no copy runs, it waits; the next one leaves the device and lets it go', async () => {
  const copy = await live.copy('one');
  await inForce();
  await copy.stop();
  const before = await live.table('removes');
  await remove();
  await pause(2_000);
  expect((await object())?.metadata.deletionTimestamp).toBeDefined();
  expect(await live.table('removes')).toBe(before);
  const next = await live.copy('two');
  await gone();
  expect(await live.table('removes')).toBe('');
  // It left at once, and put nothing back first.
  expect(next.trail('removes').filter(({ entry }) => entry.what === 'Sent' && entry.step !== 'Remove')).toEqual([]);
});

test('turned to Keep it is let go, also after it was deleted, and the device stays as it is', async () => {
  const copy = await live.copy('one');
  await inForce();
  await patch({ spec: { onDelete: 'Keep' } });
  await until(finalizers, (list) => !list.includes(FINALIZER));
  await inForce();
  const before = await live.table('removes');
  await copy.stop();
  await remove();
  await patch({ spec: { onDelete: 'Keep' } });
  await live.copy('two');
  await gone();
  await pause(LONG_MS);
  expect(await live.table('removes')).toBe(before);
});

test('a device that cannot be reached: the object says what it waits for and how to let it go; by hand, all stays', async () => {
  await live.copy('one');
  await inForce();
  const before = await live.table('removes');
  // Another name for the same place: the one that it had is not reached any more.
  await patch({ spec: { address: 'netns:nowhere' } });
  await remove();
  const uid = (await object())?.metadata.uid ?? '';
  const said = await until(told, (text) => /^Stalled .*kubectl patch/m.test(text));
  expect(said).toContain(FINALIZER);
  expect(said).toContain(`kubectl patch borderfirewall removes --type merge -p '{"spec":{"onDelete":"Keep"}}'`);
  await until(
    async () => (await live.admin.json<{ items: Told[] }>('GET', '/apis/events.k8s.io/v1/events')).items,
    (items) => items.some(({ note, regarding }) => note?.startsWith('deleted, and waits') && regarding?.uid === uid),
  );
  expect(uid).not.toBe('');
  await patch({ metadata: { finalizers: null } });
  await gone();
  await pause(LONG_MS);
  expect(await live.table('removes')).toBe(before);
});

test('the definition is deleted: the objects go with it, held or not, and nothing happens at any firewall', async () => {
  const copy = await live.copy('one');
  await inForce();
  const before = [await live.table('keeps'), await live.table('removes')];
  await live.admin.json('DELETE', DEFINITION);
  await until(
    async () => (await live.admin.send({ path: DEFINITION })).status,
    (status) => status === 404,
  );
  await pause(LONG_MS);
  expect([await live.table('keeps'), await live.table('removes')]).toEqual(before);
  expect(copy.said('the device was left')).toEqual([]);
});

test('the definition is deleted while no copy runs: it goes when one runs again, and nothing happens at any firewall', async () => {
  const copy = await live.copy('one');
  await inForce();
  await copy.stop();
  const before = [await live.table('keeps'), await live.table('removes')];
  await live.admin.json('DELETE', DEFINITION);
  await pause(2_000);
  expect(await object()).toBeDefined();
  const next = await live.copy('two');
  await until(
    async () => (await live.admin.send({ path: DEFINITION })).status,
    (status) => status === 404,
  );
  await pause(LONG_MS);
  expect([await live.table('keeps'), await live.table('removes')]).toEqual(before);
  expect(next.said('the device was left')).toEqual([]);
});

test('as the chart lets it: the finalizer and nothing else; without the right it is told, and all else goes on', async () => {
  const { admin, server } = live;
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const plurals: Readonly<Record<string, string>> = {
    ClusterRole: `${rbac}/clusterroles`,
    ClusterRoleBinding: `${rbac}/clusterrolebindings`,
    Role: `${rbac}/namespaces/sallyport/roles`,
    RoleBinding: `${rbac}/namespaces/sallyport/rolebindings`,
    ServiceAccount: '/api/v1/namespaces/sallyport/serviceaccounts',
    ValidatingAdmissionPolicy: '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies',
    ValidatingAdmissionPolicyBinding: '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings',
  };
  const manifests = readFileSync(join(import.meta.dirname, '../../deploy/manifests/sallyport.yaml'), 'utf8');
  for (const document of parseAllDocuments(manifests)) {
    const one = document.toJS() as ApiObject | null;
    const path = plurals[one?.kind ?? ''];
    if (one !== null && path !== undefined) await apply(admin, `${path}/${one.metadata.name}`, one);
  }
  const kubeconfig = server.kubeconfigFor({ token: await server.tokenFor('sallyport', 'sallyport') });
  await live.copy('one', kubeconfig);
  await inForce();
  await remove();
  await gone();
  expect(await live.table('removes')).toBe('');
  await live.endCopies();

  const path = `${rbac}/clusterroles/sallyport`;
  const role = await admin.json<ApiObject & { rules: { verbs: string[]; resources: string[] }[] }>('GET', path);
  const rules = role.rules.filter(
    ({ verbs, resources }) => !(verbs.includes('patch') && resources.includes('borderfirewalls')),
  );
  expect(rules).toHaveLength(role.rules.length - 1);
  await admin.json('PATCH', path, { rules }, 'application/merge-patch+json');
  await live.addFirewall('removes', undefined, { onDelete: 'Remove' });
  const copy = await live.copy('two', kubeconfig);
  await until(
    () => copy.said('the finalizer could not be set'),
    (lines) => lines.length > 0,
  );
  await until(
    () => live.holds('removes'),
    (addresses) => addresses.length > 0,
  );
  expect(await finalizers()).toEqual([]);
  // Who sees it go leaves all the same.
  await remove();
  await until(
    () => live.table('removes'),
    (table) => table === '',
  );
});
