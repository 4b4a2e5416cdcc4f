import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { command, type Ended, rememberIn } from '../../test/kit/commands.ts';
import { type Namespace, Namespaces } from '../../test/kit/netns.ts';
import { type DocumentKind, documentSchema } from './output-schemas.ts';

/** Addresses that the shop translates to; the border has to own them. */
const TRANSLATED = ['192.0.2.101/32', '192.0.2.102/32', '192.0.2.110/32', '2001:db8:5a::101/128'];

const CHECKOUT = 'payments/checkout-6d4b7c9f5-mfdcs';

const FAR = `apiVersion: sallyport.dev/v1alpha1
kind: BorderFirewall
metadata: { name: far }
spec: { driver: nftables, address: 'netns:nowhere', workloads: {}, mode: Enforce, guard: { after: [edge-1] } }
---
apiVersion: sallyport.dev/v1alpha1
kind: AddressGroup
metadata: { name: nobodys }
spec: { selector: all(), namespaceSelector: all(), firewalls: [ghost] }
`;

describe('commands that talk to a device', () => {
  let world: Namespaces;
  let router: Namespace;
  let other: Namespace;
  let folder: string;
  let forget: () => void;

  beforeAll(async () => {
    world = await Namespaces.open();
    router = await world.add('fw', { forwarding: true });
    other = await world.add('far', { forwarding: true });
    for (const namespace of [router, other])
      for (const address of TRANSLATED) await namespace.ip(`address add ${address} dev lo`);
    folder = mkdtempSync(join(tmpdir(), 'sallyport-commands-'));
    forget = rememberIn(join(folder, 'state'));
    cpSync('examples/shop', join(folder, 'shop'), { recursive: true });
    const border = join(folder, 'shop/60-border.yaml');
    writeFileSync(border, readFileSync(border, 'utf8').replaceAll('address: local', `address: netns:${router.name}`));
  });
  afterAll(async () => {
    forget();
    rmSync(folder, { recursive: true, force: true });
    await world.close();
  });

  const run = (...words: readonly string[]): Promise<Ended> =>
    command(...words, '-f', join(folder, 'shop'), '--cluster', 'shop');

  /** Runs with `-o json`, and reads what it prints by the published shape. */
  async function data(kind: DocumentKind, ...words: readonly string[]): Promise<Ended & { readonly document: object }> {
    const ended = await run(...words, '-o', 'json');
    const parsed = documentSchema(kind).safeParse(ended.out === '' ? undefined : JSON.parse(ended.out));
    expect(parsed.error?.issues, ended.err).toBeUndefined();
    return { ...ended, document: parsed.data ?? {} };
  }

  const tables = async (): Promise<string> => router.must('nft', ['list', 'tables']);

  // One story: each step needs the one before.
  test('plan, apply, plan again, leave', async () => {
    const file = join(folder, 'plan.json');
    const planned = await data('Plans', 'plan', '--out', file);
    expect(planned.code).toBe(2);
    expect(await tables()).toBe('');

    const applied = await data('Applied', 'apply', '--plan', file);
    expect(applied.code, applied.err).toBe(0);
    expect(await tables()).toBe('table inet sallyport\n');

    const approved = await data('Approved', 'approve', 'edge-1', '--plan', '0'.repeat(64));
    expect(approved.code, approved.err).toBe(0);

    const again = await data('Plans', 'plan');
    expect(again.code, again.out).toBe(0);
    expect(again.document).toMatchObject({ plans: [{ firewall: 'edge-1', isEmpty: true, objects: [] }] });

    // A firewall that does not answer, and canaries that it waits for.
    const far = join(folder, 'shop/98-far.yaml');
    writeFileSync(far, FAR);
    const two = await data('Plans', 'plan');
    expect(two.code).toBe(1);
    expect(two.err).toContain('error DEVICE_UNREACHABLE: far:');
    expect(two.err).toContain('there is no BorderFirewall "ghost"');
    expect(two.document).toMatchObject({ plans: [{ firewall: 'edge-1', isEmpty: true }] });
    const tried = await data('Applied', 'apply');
    expect(tried.code).toBe(1);
    expect(tried.document).toMatchObject({ plans: [{ firewall: 'edge-1' }] });
    writeFileSync(far, FAR.replace('netns:nowhere', `netns:${other.name}`));
    const hasty = await run('apply', '--firewall', 'far');
    expect(hasty.code).toBe(1);
    expect(hasty.err).toContain('GUARD_STOPPED: far: edge-1 come first');
    expect(await other.must('nft', ['list', 'tables'])).toBe('');
    const both = await run('apply');
    expect(both.code, both.err).toBe(0);
    expect(await other.must('nft', ['list', 'tables'])).toBe('table inet sallyport\n');
    rmSync(far);

    const question = ['flow', '--from', CHECKOUT, '--to', '203.0.113.10', '--port', '443', '--devices'];
    const alone = await data('FlowAnswer', ...question);
    expect(alone.code, alone.out).toBe(0);
    await router.must('nft', [
      'add table inet theirs; add chain inet theirs f { type filter hook forward priority 5; }',
    ]);
    const crowded = await data('FlowAnswer', ...question);
    expect(crowded.code, crowded.out).toBe(1);
    expect(crowded.document).toMatchObject({ outcome: 'unknown' });
    expect((await run(...question)).out).toContain('unknown: after ours: inet theirs f: type filter hook forward');
    const examined = await data('Examination', 'doctor');
    expect(examined.code, examined.out).toBe(0);
    expect(examined.out).toContain('a rule of somebody else, inet theirs f, is asked after ours');
    await router.must('nft', ['delete table inet theirs']);
    const { out } = await run('doctor');
    expect(out).toMatch(
      /OK +firewall +edge-1 +nftables \d.*, at netns:\S+ of this machine .*; filters IPv4 and IPv6; mode Enforce/,
    );
    expect(out).toMatch(/OK +firewall +edge-1 +no process of this machine writes to it now/);

    const leaving = await data('Uninstall', 'uninstall', 'edge-1');
    expect(leaving.code).toBe(2);
    expect(leaving.document).toMatchObject({ firewall: 'edge-1', done: false });
    expect(await tables()).toBe('table inet sallyport\n');

    const left = await data('Uninstall', 'uninstall', 'edge-1', '--yes');
    expect(left.code, left.err).toBe(0);
    expect(await tables()).toBe('');

    // All of it stands in the audit trail, the plan that was applied with its digest.
    const { plans } = JSON.parse(readFileSync(file, 'utf8')) as { plans: { firewall: string; digest: string }[] };
    const audited = await command('audit', '--cluster', 'shop', '-o', 'json');
    expect(audited.code, audited.err).toBe(0);
    const told = documentSchema('Audit').safeParse(JSON.parse(audited.out));
    expect(told.error?.issues).toBeUndefined();
    const { writes, trails } = told.data as unknown as {
      writes: { firewall: string; step: string; plan?: string; result: string }[];
      trails: { firewall: string; problems: object[] }[];
    };
    expect(trails).toMatchObject([
      { firewall: 'edge-1', problems: [] },
      { firewall: 'far', problems: [] },
    ]);
    expect(new Set(writes.map(({ firewall }) => firewall))).toEqual(new Set(['edge-1', 'far']));
    expect(writes[0]).toMatchObject({ firewall: 'edge-1', plan: plans[0]?.digest });
    expect(writes.at(-1)).toMatchObject({ firewall: 'edge-1', step: 'Remove', result: 'Accepted' });
    expect(writes.every(({ result }) => result === 'Accepted')).toBe(true);
  });
});
