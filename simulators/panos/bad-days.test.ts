import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { RawClient, rule, rules, told, vsys } from './client.fixture.ts';
import { type Fault, PanOs, type PanOsOptions } from './index.ts';

const address = `${vsys}/address/entry[@name='a']`;
const content = '<ip-netmask>10.0.0.1</ip-netmask>';
const INFO = '<show><system><info/></system></show>';

async function device(options: PanOsOptions = {}) {
  const clock = new FakeClock();
  const firewall = await PanOs.start({ plain: true, zones: ['k8s', 'internet'], clock, commitMs: 100, ...options });
  const client = await RawClient.login(firewall.url);
  return {
    clock,
    firewall,
    client,
    async [Symbol.asyncDispose]() {
      await firewall[Symbol.asyncDispose]();
    },
  };
}

const sets = (parameters: ReadonlyMap<string, string>): boolean => parameters.get('action') === 'set';

describe('on the way', () => {
  test.each([
    ['lost before', false],
    ['lost after', true],
    ['cut off', true],
  ] as const)('%s: no answer; it was done: %s', async (kind, happened) => {
    await using at = await device();
    at.firewall.faults.next({ kind } satisfies Fault, { matches: sets });
    await expect(at.client.config('set', address, { element: content })).rejects.toThrow();
    expect(at.firewall.dumpCandidate().includes('"a"')).toBe(happened);
    // The next one goes well, and the same again harms nothing.
    expect(told(await at.client.config('set', address, { element: content }))).toContain('success');
  });

  test('the same request twice: the second answer is what is heard', async () => {
    await using at = await device();
    at.firewall.faults.next({ kind: 'twice' });
    const answer = await at.client.userId(
      '<register><entry ip="10.0.0.1"><tag><member>web</member></tag></entry></register>',
    );
    expect(answer.attributes.get('status')).toBe('error');
    expect(at.firewall.dumpRegistered()).toBe('10.0.0.1 web\n');
    at.firewall.faults.next({ kind: 'twice' }, { matches: (given) => given.get('action') === 'delete' });
    await at.client.config('set', address, { element: content });
    expect(told(await at.client.config('delete', address))).toBe("error 7: Object doesn't exist");
  });

  test('an answer of 60 s, and who gave up before was not heard', async () => {
    await using at = await device();
    at.firewall.faults.next({ kind: 'slow', ms: 60_000 });
    let answered = false;
    const asking = at.client.op(INFO).then(() => {
      answered = true;
    });
    await expect.poll(() => at.clock.next()).toBe(60_000);
    at.clock.advance(59_999);
    expect(answered).toBe(false);
    at.clock.advance(1);
    await asking;
    at.firewall.faults.latencyMs = 1000;
    const slow = at.client.config('set', address, { element: content });
    await expect.poll(() => at.clock.next()).toBe(1000);
    at.firewall.reboot();
    await expect(slow).rejects.toThrow();
    at.clock.advance(1000);
    expect(at.firewall.dumpCandidate()).not.toContain('"a"');
  });

  test('a session that times out, and any other code', async () => {
    await using at = await device();
    at.firewall.faults.next({ kind: 'refused', code: 22, text: 'Session timed out' }, { times: 2 });
    at.firewall.faults.next({ kind: 'refused', code: 403, text: 'Invalid credentials.' });
    const asked = [];
    for (let n = 0; n < 4; n++) asked.push(told(await at.client.op(INFO)).slice(0, 29));
    expect(asked.slice(0, 3)).toEqual([
      'error 22: Session timed out',
      'error 22: Session timed out',
      'error 403: Invalid credential',
    ]);
    expect(asked[3]).toMatch(/^success/);
    at.firewall.faults.next({ kind: 'lost before' }, { times: 9 });
    at.firewall.faults.clear();
    expect(told(await at.client.op(INFO))).toContain('success');
  });

  test('what was served is told, without secrets', async () => {
    await using at = await device();
    await at.client.config('set', address, { element: content });
    expect(at.firewall.served).toEqual([
      { parameters: { type: 'keygen' }, status: 'success', code: undefined },
      { parameters: { type: 'config', action: 'set', xpath: address, element: content }, status: 'success', code: 20 },
    ]);
  });
});

describe('the device', () => {
  test('restarts between two steps: uncommitted work is gone, as is what is volatile, and its uptime tells', async () => {
    await using at = await device();
    at.clock.advance(86_400_000);
    await at.client.config('set', address, { element: content });
    await at.client.userId(
      '<register><entry ip="10.0.0.1" persistent="0"><tag><member>web</member></tag></entry><entry ip="10.0.0.2"><tag><member>web</member></tag></entry></register>',
    );
    at.firewall.reboot(300_000);
    await expect(at.client.op(INFO)).rejects.toThrow();
    at.clock.advance(300_000);
    await expect.poll(() => at.client.op(INFO).then(told, () => 'away')).toContain('0 days, 0:05:00');
    expect(told(await at.client.config('get', address))).toBe('success 7: ');
    expect(at.firewall.dumpRegistered()).toBe('10.0.0.2 web\n');
  });

  test('restarts when it is asked to, after its answer', async () => {
    await using at = await device();
    expect(told(await at.client.op('<request><restart><system/></restart></request>'))).toBe(
      'error: Command succeeded with no output',
    );
  });

  test('speaks otherwise after an upgrade', async () => {
    await using at = await device({ version: '10.1.9' });
    const tag = '<register><entry ip="10.0.0.1"><tag><member>web</member></tag></entry></register>';
    await at.client.userId(tag);
    expect((await at.client.userId(tag)).attributes.get('status')).toBe('error');
    at.firewall.upgrade('11.2.0', { reregistering: 'silent' });
    await expect.poll(() => at.client.userId(tag).then(told, () => 'away')).toContain('success');
    expect(told(await at.client.op(INFO))).toContain('11.2.0');
    expect(() => at.firewall.upgrade('12.1.0')).toThrow('is not a PAN-OS version');
  });

  test('tables are emptied', async () => {
    await using at = await device();
    await at.client.userId('<register><entry ip="10.0.0.1"><tag><member>web</member></tag></entry></register>');
    at.firewall.clearRegistered();
    expect(told(await at.client.op('<show><object><registered-ip><all/></registered-ip></object></show>'))).toBe(
      'success: 0',
    );
  });
});

describe('a person', () => {
  test('deletes a rule, renames a group, adds a member, commits; all of it is seen', async () => {
    await using at = await device();
    for (const name of ['r1', 'r2'])
      await at.client.config('set', `${rules}/entry[@name='${name}']`, { element: rule({ source: '10.0.0.1' }) });
    await at.client.config('set', `${vsys}/address-group/entry[@name='g']`, {
      element: '<static><member>10.0.0.1</member></static>',
    });
    await at.client.config('set', `${rules}/entry[@name='r2']`, {
      element: '<destination><member>g</member></destination>',
    });
    await at.client.post({ type: 'commit', cmd: '<commit/>' });
    at.clock.advance(100);
    const alice = (parameters: Readonly<Record<string, string>>): string =>
      told(at.firewall.byHand({ type: 'config', ...parameters }, 'alice'));
    alice({ action: 'delete', xpath: `${rules}/entry[@name='r1']` });
    alice({ action: 'rename', xpath: `${vsys}/address-group/entry[@name='g']`, newname: 'hers' });
    alice({
      action: 'set',
      xpath: `${vsys}/address-group/entry[@name='hers']/static`,
      element: '<member>10.0.0.66</member>',
    });
    expect(told(await at.client.op('<check><pending-changes/></check>'))).toBe('success: yes');
    const mine = '<commit><partial><admin><member>admin</member></admin></partial></commit>';
    expect(told(await at.client.post({ type: 'commit', cmd: mine }))).toContain('There are no changes to commit.');
    expect(at.firewall.dump()).not.toContain('hers');
    at.firewall.byHand({ type: 'commit', cmd: '<commit/>' }, 'alice');
    at.clock.advance(100);
    expect(told(await at.client.config('show', `${vsys}/address-group/entry[@name='hers']`))).toBe(
      'success: 10.0.0.1 | 10.0.0.66',
    );
    expect(told(await at.client.config('show', `${rules}/entry[@name='r2']/destination`))).toBe('success: any | hers');
    expect(told(await at.client.config('show', `${rules}/entry[@name='r1']`))).toBe('error: No such node');
  });

  test('holds a lock for an hour', async () => {
    await using at = await device();
    at.firewall.locks.take('config', 'shared', 'alice', 'maintenance');
    at.clock.after(3_600_000, () => void at.firewall.locks.release('config', 'shared', 'alice'));
    expect(told(await at.client.config('set', address, { element: content }))).toBe(
      'error 15: Configuration is locked by alice',
    );
    at.clock.advance(3_600_000);
    expect(told(await at.client.config('set', address, { element: content }))).toContain('success');
  });
});
