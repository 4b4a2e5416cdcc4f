import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kinds } from '../../src/api/kinds.ts';
import { readResource } from '../../src/api/read.ts';
import type { RawMap } from '../../src/api/shape.ts';
import { isMap } from '../../src/api/shape.ts';
import { validObjects } from '../../src/api/valid.fixture.ts';
import { resourcePath } from '../../src/kubernetes/resource-path.ts';
import { type ApiServer, startApiServer } from '../kit/apiserver.ts';
import { define } from './definitions.ts';

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
  await define(server.admin);
  await server.admin.json('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } });
});
afterAll(async () => {
  await server.stop();
});

const ours = validObjects.filter(({ apiVersion }) => String(apiVersion).startsWith('sallyport.dev/'));

function collection(object: RawMap): string {
  const kind = kinds.find((one) => one.ours && one.kind === object['kind']);
  if (kind === undefined) throw new Error('no kind of ours');
  const namespace = kind.scope === 'Namespaced' ? { namespace: 'shop' } : {};
  return resourcePath({ ...kind, version: kind.versions[0] ?? '' }, namespace);
}

/** What the server says against making it; `undefined`: nothing. */
async function refusal(object: RawMap): Promise<string | undefined> {
  const path = `${collection(object)}?dryRun=All&fieldValidation=Strict`;
  const { status, bytes } = await server.admin.send({ method: 'POST', path, body: object });
  if (status === 201) return undefined;
  expect([400, 422], bytes.toString()).toContain(status);
  return (JSON.parse(bytes.toString()) as { message: string }).message;
}

/** What we say against it. */
function mistakes(object: RawMap): readonly string[] {
  return readResource(object, { file: 'x.yaml' })
    .diagnostics.filter(({ severity }) => severity === 'error')
    .map(({ code, path, message }) => `${code} ${path}: ${message}`);
}

/** All the objects that differ from this one in one value. */
function* broken(
  value: unknown,
  path: readonly string[] = [],
): Generator<{ readonly path: string; readonly value: unknown }> {
  const at = path.join('.');
  if (path.length > 0)
    for (const other of [
      null,
      '',
      [],
      {},
      5,
      -1,
      1.5,
      70_000,
      true,
      'no such thing',
      '10.0.0.1/8',
      '0.0.0.0/0',
      ['x'],
      undefined,
    ])
      yield { path: at, value: other };
  if (Array.isArray(value)) {
    for (const [index, entry] of value.entries())
      for (const one of broken(entry, [...path, String(index)]))
        yield { path: one.path, value: value.with(index, one.value) };
  } else if (isMap(value)) {
    for (const [name, entry] of Object.entries(value))
      for (const one of broken(entry, [...path, name]))
        yield { path: one.path, value: { ...value, [name]: one.value } };
    yield { path: `${at}.unheardOf`, value: { ...value, unheardOf: 1 } };
  }
}

/** Mistakes that an API server takes all the same, and why; what is read then takes the safe side. */
const beyond: readonly { readonly pattern: RegExp; readonly why: string }[] = [
  { pattern: /^SELECTOR_SYNTAX /, why: 'a pattern cannot say a grammar with brackets in brackets' },
  {
    pattern: /^PREFIX_INVALID .* has bits set after its length/,
    why: 'arithmetic on each of 1024 times 1024 networks',
  },
  {
    pattern: /^PREFIX_INVALID spec\.translate\.address/,
    why: 'addresses, networks and ranges in one field: no format of its own',
  },
  { pattern: /^FIELD_CONFLICT .* these networks are IPv[46] only/, why: 'a look at each of 1024 times 1024 networks' },
  {
    pattern: /: (this field has no value|(this is )?null )/,
    why: 'kept where it could widen, so that it is read as a mistake; else the default takes its place',
  },
  {
    pattern: /(destinations|networks|nets|notNets)\[\d+\]: this is a list /,
    why: 'its check of types looks into no list where a format is given',
  },
];

/** What a server writes into every object. */
const assigned = { uid: '', generation: 0, resourceVersion: '', createdAt: 0 };

describe('a real API server', () => {
  for (const object of ours) {
    test(`takes a right ${String(object['kind'])}, and what it stores reads the same`, async () => {
      expect(await refusal(object)).toBeUndefined();
      const stored = await server.admin.json('POST', `${collection(object)}?fieldValidation=Strict`, object);
      await server.admin.json('DELETE', `${collection(object)}/${(object['metadata'] as { name: string }).name}`);
      const plain = ({ resource }: ReturnType<typeof readResource>) => ({ ...resource, ...assigned });
      const { status: _, ...written } = object;
      expect(plain(readResource(stored, { file: 'x' }))).toEqual(plain(readResource(written, { file: 'x' })));
    });
  }

  for (const object of ours)
    test(`refuses of ${String(object['kind'])} nothing that reads, and takes nothing wrong without a reason`, async () => {
      const wrong: string[] = [];
      const taken = new Set<string>();
      const seen = new Set<string>();
      for (const { path, value } of broken(object['spec'])) {
        const changed = JSON.parse(JSON.stringify({ ...object, spec: value })) as RawMap;
        const key = JSON.stringify(changed);
        if (seen.has(key)) continue;
        seen.add(key);
        const said = await refusal(changed);
        const found = mistakes(changed);
        if (said !== undefined && found.length === 0) wrong.push(`${path} ${said}`);
        if (said === undefined) for (const one of found) taken.add(one);
      }
      expect(wrong, 'refused by the server, and right as we read it').toEqual([]);
      expect([...taken].filter((one) => !beyond.some(({ pattern }) => pattern.test(one)))).toEqual([]);
      expect(seen.size).toBeGreaterThan(25);
    });

  test('a mistake that it takes is not narrowed on the way: what is read of it is still broken', async () => {
    const [policy] = ours.filter(({ kind }) => kind === 'BorderPolicy');
    for (const rule of [
      { nets: null },
      { nets: ['10.0.0.1/8'] },
      { nets: [[]] },
      { selector: 'a' },
      { domains: null },
    ]) {
      const object = { ...policy, spec: { selector: 'all()', egress: [{ action: 'Allow', ...rule }] } } as RawMap;
      const path = `${collection(object)}?fieldValidation=Strict&dryRun=All`;
      const stored = await server.admin.json('POST', path, object);
      expect(mistakes(stored as unknown as RawMap), JSON.stringify(stored['spec'])).not.toEqual([]);
    }
  });

  test.each([
    ['AddressGroup', { as: 'Group' }, 'the form is fixed when the group is made'],
    ['BorderApproval', { firewall: 'edge-9' }, 'a yes is to one plan of one firewall'],
  ])('%s cannot become another', async (kind, change, words) => {
    const [object] = ours.filter((one) => one['kind'] === kind);
    if (object === undefined) throw new Error('no fixture');
    const made = await server.admin.json('POST', collection(object), object);
    const path = `${collection(object)}/${made.metadata.name}`;
    const edit = server.admin.json('PATCH', path, { spec: change }, 'application/merge-patch+json');
    await expect(edit).rejects.toThrow(words);
  });

  test.each<readonly [string, RawMap, string]>([
    ['BorderFirewall', { behind: ['edge-1'] }, 'a firewall cannot name itself in behind'],
    ['BorderFirewall', { guard: { after: ['edge-1'] } }, 'a firewall cannot name itself in guard.after'],
    ['BorderFirewall', { credentialsRef: { file: 'a', env: 'b' } }, 'exactly one of secret, file, env'],
    ['BorderFirewall', { tls: {} }, 'exactly one of ca, pin, insecure'],
    ['SourceNAT', { translate: { pool: 'a', none: true } }, 'exactly one of address, addresses, range, pool, none'],
    ['SourceNAT', { destination: { ports: [80] } }, 'ports need a protocol that has them'],
    ['BorderPolicy', { egress: [{ action: 'Allow', ports: [80] }] }, 'ports need a protocol that has them'],
    ['BorderPolicy', { egress: [{ action: 'Deny', protocol: 1, notPorts: [80] }] }, 'ports need a protocol'],
    ['BorderPolicy', { egress: [{ action: 'Deny', protocol: 'TCP', icmp: { type: 8 } }] }, 'icmp needs protocol ICMP'],
    ['BorderPolicy', { egress: [{ action: 'Deny', protocol: 'ICMP', ipVersion: 6 }] }, 'protocol ICMP is IPv4'],
    ['BorderPolicy', { ingress: [{ action: 'Allow' }] }, 'rules for what comes in are not possible yet'],
  ])('says in the author’s words what of %s contradicts: %o', async (kind, change, words) => {
    const [object] = ours.filter((one) => one['kind'] === kind);
    const changed = { ...object, spec: { ...(object?.['spec'] as RawMap), ...change } };
    expect(await refusal(changed)).toContain(words);
    expect(mistakes(changed)).not.toEqual([]);
  });

  test('`kubectl get sallyport` shows every kind of ours, with columns that are filled', async () => {
    const { resources } = await server.admin.json<{
      resources: { kind: string; categories?: readonly string[] }[];
    }>('GET', '/apis/sallyport.dev/v1alpha1');
    const shown = resources.filter(({ categories }) => categories?.includes('sallyport'));
    expect(shown.map(({ kind }) => kind).toSorted()).toEqual(ours.map(({ kind }) => String(kind)).toSorted());
    const [firewall] = ours.filter(({ kind }) => kind === 'BorderFirewall');
    if (firewall === undefined) throw new Error('no fixture');
    await server.admin.json('POST', collection(firewall), firewall);
    const path = `${collection(firewall)}/edge-1`;
    const at = '2026-01-05T12:00:00Z';
    const ready = {
      type: 'Ready',
      status: 'False',
      reason: 'Waiting',
      message: 'a plan waits',
      lastTransitionTime: at,
    };
    const status = {
      conditions: [ready, { ...ready, type: 'Waiting', status: 'True', reason: 'Guard' }],
      confirmedAt: at,
    };
    await server.admin.json('PATCH', `${path}/status`, { status }, 'application/merge-patch+json');
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    const { bytes } = await server.admin.send({ path, headers: { accept } });
    const table = JSON.parse(bytes.toString()) as {
      columnDefinitions: { name: string; priority: number }[];
      rows: { cells: unknown[] }[];
    };
    const cells = table.columnDefinitions.flatMap(({ name, priority }, index) =>
      priority === 0 && name !== 'Age' && name !== 'Confirmed'
        ? [`${name}=${String(table.rows[0]?.cells[index])}`]
        : [],
    );
    expect(cells).toEqual([
      'Name=edge-1',
      'Driver=fortigate',
      'Mode=Enforce',
      'Ready=False',
      'Reason=Waiting',
      'Waiting=Guard',
    ]);
  });
});
