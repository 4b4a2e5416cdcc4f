import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { rule, rules, told, vsys } from './client.fixture.ts';
import { PanOs, type PanOsOptions } from './index.ts';
import { descend } from './xml.ts';

const zones = ['k8s', 'internet'];
const MS = 1000;

async function device(options: PanOsOptions = {}) {
  const clock = new FakeClock();
  const firewall = await PanOs.start({ zones, clock, commitMs: MS, ...options });
  const write = (action: string, xpath: string, element: string, admin: string): string =>
    told(
      firewall.byHand(
        { type: 'config', action, xpath: xpath.startsWith('/') ? xpath : `${vsys}/${xpath}`, element },
        admin,
      ),
    );
  const op = (cmd: string, admin = 'admin', more: Readonly<Record<string, string>> = {}): string =>
    told(firewall.byHand({ type: 'op', cmd, ...more }, admin));
  const start = (cmd = '<commit/>', admin = 'admin', action = ''): string =>
    told(firewall.byHand({ type: 'commit', cmd, ...(action === '' ? {} : { action }) }, admin));
  const job = (id: number): string => {
    const row = descend(
      firewall.byHand({ type: 'op', cmd: `<show><jobs><id>${id}</id></jobs></show>` }),
      'result',
      'job',
    );
    const text = (name: string): string => descend(row, name)?.text ?? '';
    const details = descend(row, 'details')?.children.map((one) => one.text) ?? [];
    return `${text('status')} ${text('result')} ${text('progress')}: ${details.join(' | ')}`;
  };
  return Object.assign(firewall, {
    time: clock,
    set: (xpath: string, element: string, admin = 'admin') => write('set', xpath, element, admin),
    edit: (xpath: string, element: string, admin = 'admin') => write('edit', xpath, element, admin),
    remove: (xpath: string, admin = 'admin') => write('delete', xpath, '', admin),
    op,
    start,
    job,
    /** Commits and waits for the end; gives the details. */
    commit(cmd = '<commit/>', admin = 'admin'): string {
      const id = / (\d+)$/.exec(start(cmd, admin))?.[1];
      clock.advance(MS);
      return id === undefined ? 'no job' : job(Number(id));
    },
    runs: () => firewall.dump(),
  });
}

const put = (name: string, ip = '10.0.0.1') =>
  [`address/entry[@name='${name}']`, `<ip-netmask>${ip}</ip-netmask>`] as const;
const partial = (inside: string): string => `<commit><description>x</description><partial>${inside}</partial></commit>`;
const byAdmin = (name: string): string => partial(`<admin><member>${name}</member></admin>`);

describe('partial commit', () => {
  test("publishes one administrator's work alone", async () => {
    await using firewall = await device();
    firewall.set(...put('mine'));
    firewall.set(...put('hers'), 'alice');
    expect(firewall.commit(byAdmin('admin'))).toContain('FIN OK 100');
    expect(firewall.runs()).toContain('mine');
    expect(firewall.runs()).not.toContain('hers');
    expect(firewall.op('<check><pending-changes/></check>')).toBe('success: yes');
    expect(firewall.commit(byAdmin('alice'))).toContain('FIN OK 100');
    expect(firewall.runs()).toBe(firewall.dumpCandidate());
  });

  test('members of one group belong to whoever added them', async () => {
    await using firewall = await device();
    firewall.set("address-group/entry[@name='g']", '<static><member>10.0.0.1</member></static>');
    firewall.commit();
    firewall.set("address-group/entry[@name='g']/static", '<member>10.0.0.2</member>', 'alice');
    firewall.set("address-group/entry[@name='g']/static", '<member>10.0.0.3</member>');
    firewall.commit(byAdmin('admin'));
    expect(firewall.runs()).toContain('10.0.0.3');
    expect(firewall.runs()).not.toContain('10.0.0.2');
  });

  test('an edit of a parent takes over what others had not committed below', async () => {
    await using firewall = await device();
    firewall.set("address-group/entry[@name='g']", '<static><member>10.0.0.1</member></static>');
    firewall.commit();
    firewall.set("address-group/entry[@name='g']/static", '<member>10.0.0.2</member>', 'alice');
    firewall.edit(
      "address-group/entry[@name='g']/static",
      '<static><member>10.0.0.1</member><member>10.0.0.2</member></static>',
    );
    firewall.commit(byAdmin('admin'));
    expect(firewall.runs()).toContain('10.0.0.2');
    expect(firewall.start(byAdmin('alice'))).toBe('success 19: There are no changes to commit.');
  });

  test('deletions and positions stay with their administrator', async () => {
    await using firewall = await device();
    for (const name of ['r1', 'r2', 'r3']) firewall.set(`${rules}/entry[@name='${name}']`, rule());
    firewall.set(...put('old'));
    firewall.commit();
    firewall.remove("address/entry[@name='old']", 'alice');
    firewall.byHand({ type: 'config', action: 'move', xpath: `${rules}/entry[@name='r3']`, where: 'top' }, 'alice');
    firewall.set(`${rules}/entry[@name='r4']`, rule());
    firewall.byHand({
      type: 'config',
      action: 'move',
      xpath: `${rules}/entry[@name='r4']`,
      where: 'before',
      dst: 'r2',
    });
    const order = (text: string): string =>
      [...text.matchAll(/<entry name="(r\d)">/g)].map(([, name]) => name).join(' ');
    expect(order(firewall.dumpCandidate())).toBe('r3 r1 r4 r2');
    firewall.commit(byAdmin('admin'));
    expect(order(firewall.runs())).toBe('r1 r4 r2 r3');
    expect(firewall.runs()).toContain('"old"');
    firewall.commit(byAdmin('alice'));
    expect(order(firewall.runs())).toBe('r3 r1 r4 r2');
    expect(firewall.runs()).not.toContain('"old"');
  });

  test('what hangs on the work of others fails, and publishes nothing', async () => {
    await using firewall = await device();
    firewall.set(...put('hers'), 'alice');
    firewall.set(`${rules}/entry[@name='r1']`, rule({ source: 'hers' }));
    firewall.set(...put('mine'));
    const before = firewall.runs();
    expect(firewall.commit(byAdmin('admin'))).toBe(
      "FIN FAIL 100: Validation Error: |  vsys -> vsys1 -> rulebase -> security -> rules -> r1 -> source 'hers' is not a valid reference",
    );
    expect(firewall.runs()).toBe(before);
    firewall.set("address/entry[@name='hers']", '<description>mine</description>');
    expect(firewall.commit(byAdmin('admin'))).toContain('hers is not part of this commit');
    expect(firewall.runs()).toBe(before);
  });

  test.each([
    ['<vsys><member>vsys2</member></vsys>', 'b'],
    ['<no-vsys/>', 's'],
    ['<shared-object>excluded</shared-object>', 'a b'],
    ['<policy-and-objects>excluded</policy-and-objects>', 's'],
    ['<device-and-network>excluded</device-and-network>', 'a b s'],
    ['<shared-object>excluded</shared-object><vsys><member>vsys1</member></vsys>', 'a'],
  ])('%s', async (inside, published) => {
    await using firewall = await device({ model: 'PA-3220', vsys: ['vsys1', 'vsys2'] });
    firewall.set("address/entry[@name='a']", '<ip-netmask>10.0.0.1</ip-netmask>');
    firewall.set(`${vsys.replace('vsys1', 'vsys2')}/address/entry[@name='b']`, '<ip-netmask>10.0.0.1</ip-netmask>');
    firewall.set("/config/shared/address/entry[@name='s']", '<ip-netmask>10.0.0.1</ip-netmask>');
    const shared = inside.includes('member') && !inside.includes('shared') ? ' s' : '';
    expect(firewall.commit(partial(inside))).toContain('FIN OK');
    const found = ['a', 'b', 's'].filter((name) => firewall.runs().includes(`<entry name="${name}">`));
    expect(found.join(' ')).toBe(`${published}${shared}`);
  });

  test.each([
    '<commit><force><partial><admin><member>admin</member></admin></partial></force></commit>',
    '<commit><partial><force></force><admin><member>admin</member></admin></partial></commit>',
    '<commit><partial><admin><member>admin</member></admin></partial><force/></commit>',
  ])('%s commits even without a change', async (cmd) => {
    await using firewall = await device();
    firewall.set(...put('hers'), 'alice');
    expect(firewall.commit(cmd)).toContain('FIN OK');
    expect(firewall.runs()).not.toContain('hers');
  });

  test('what no commit understands', async () => {
    await using firewall = await device();
    firewall.set(...put('a'));
    for (const cmd of ['<commit><everything/></commit>', partial('<moon/>'), '<commitment/>'])
      expect(firewall.start(cmd)).toContain('error 17');
    expect(firewall.start('<commit>')).toContain('error 18');
    expect(firewall.start('<commit-all/>', 'admin', 'all')).toContain('error 17');
  });
});

describe('validation', () => {
  test.each([
    [
      'two kinds of address',
      "address/entry[@name='a3']",
      '<ip-netmask>10.0.0.1</ip-netmask><ip-range>10.0.0.1-10.0.0.2</ip-range>',
      ' address -> a3 Node ip-netmask and ip-range are mutually exclusive',
    ],
    [
      'an address without any',
      "address/entry[@name='a3']",
      '<description>x</description>',
      " address -> a3 is missing 'ip-netmask' or 'ip-range' or 'ip-wildcard' or 'fqdn'",
    ],
    [
      'an empty group',
      "address-group/entry[@name='g']",
      '<static/>',
      ' address-group -> g -> static needs at least 1 member',
    ],
    [
      'a group of both kinds',
      "address-group/entry[@name='g']",
      "<static><member>10.0.0.1</member></static><dynamic><filter>'x'</filter></dynamic>",
      'mutually exclusive',
    ],
    [
      'a rule without an action',
      "rulebase/security/rules/entry[@name='r']",
      '<from><member>any</member></from>',
      "rules -> r is missing 'action'",
    ],
    [
      'a translation into two zones',
      "rulebase/nat/rules/entry[@name='n']",
      '<to><member>k8s</member><member>internet</member></to>',
      'to takes at most 1 member',
    ],
    [
      'credentials without TLS',
      "external-list/entry[@name='e']",
      '<type><ip><url>http://127.0.0.1/x</url><auth><username>u</username><password>p</password></auth><recurring><hourly/></recurring></ip></type>',
      'need an https url',
    ],
    [
      'a list that is never fetched',
      "external-list/entry[@name='e']",
      '<type><ip><url>http://127.0.0.1/x</url></ip></type>',
      "is missing 'recurring'",
    ],
    [
      'a group that holds itself',
      "address-group/entry[@name='g']",
      '<static><member>g</member></static>',
      ' address-group -> g contains itself',
    ],
  ])('%s', async (_, place, content, line) => {
    await using firewall = await device({ quirks: { referencesAt: 'commit' } });
    const before = firewall.runs();
    expect(firewall.set(place, content)).toContain('success');
    expect(firewall.commit()).toMatch(/^FIN FAIL 100: Validation Error: \|/);
    expect(firewall.job(1)).toContain(line);
    expect(firewall.runs()).toBe(before);
    expect(firewall.op('<validate><full/></validate>')).toContain('Validate job enqueued with jobid 2');
    firewall.time.advance(MS);
    expect(firewall.job(2)).toContain(line);
  });

  test('names that lead nowhere, where only the commit looks', async () => {
    await using firewall = await device({ quirks: { referencesAt: 'commit' } });
    firewall.set(
      `${rules}/entry[@name='r1']`,
      rule({ source: 'nobody', from: 'nowhere', service: 'nothing', more: '<tag><member>none</member></tag>' }),
    );
    const told = firewall.commit();
    for (const name of ['nobody', 'nowhere', 'nothing', 'none'])
      expect(told).toContain(`'${name}' is not a valid reference`);
  });

  test('a name that an address and a group share', async () => {
    await using firewall = await device();
    firewall.set(...put('x'));
    firewall.set("address-group/entry[@name='x']", '<static><member>10.0.0.1</member></static>');
    expect(firewall.commit()).toContain('address-group -> x is already in use');
  });

  test.each([
    ['max-address', 2, () => [put('a'), put('b'), put('c')]],
    [
      'max-address-group',
      1,
      () =>
        ['g', 'h'].map(
          (name) => [`address-group/entry[@name='${name}']`, '<static><member>10.0.0.1</member></static>'] as const,
        ),
    ],
    [
      'max-address-per-group',
      1,
      () => [
        [
          "address-group/entry[@name='g']",
          '<static><member>10.0.0.1</member><member>10.0.0.2</member></static>',
        ] as const,
      ],
    ],
    [
      'max-service',
      1,
      () =>
        ['s', 't'].map(
          (name) => [`service/entry[@name='${name}']`, '<protocol><tcp><port>1</port></tcp></protocol>'] as const,
        ),
    ],
    [
      'max-policy-rule',
      1,
      () => ['r', 's'].map((name) => [`rulebase/security/rules/entry[@name='${name}']`, rule()] as const),
    ],
    [
      'max-edl-objs',
      0,
      () => [
        [
          "external-list/entry[@name='e']",
          '<type><ip><url>http://127.0.0.1:9/x</url><recurring><hourly/></recurring></ip></type>',
        ] as const,
      ],
    ],
  ] as const)('%s', async (what, limit, objects) => {
    await using firewall = await device({ capacity: { [what]: limit } });
    for (const [place, content] of objects()) expect(firewall.set(place, content)).toContain('success');
    expect(firewall.commit()).toMatch(new RegExp(`FAIL.*exceeds platform limit \\(${limit}\\)`));
    expect(firewall.op('<show><system><state><filter>cfg.general.max*</filter></state></system></show>')).toContain(
      `cfg.general.${what}: 0x${limit}`,
    );
  });
});

describe('jobs', () => {
  test('states, and a second commit that is refused', async () => {
    await using firewall = await device();
    firewall.set(...put('a'));
    firewall.start();
    expect(firewall.job(1)).toBe('ACT PEND 0: ');
    firewall.time.advance(MS / 2);
    expect(firewall.job(1)).toBe('ACT PEND 50: ');
    firewall.set(...put('b'));
    expect(firewall.start()).toBe('error 14: Another commit/validate is in progress. Please try again later');
    firewall.time.advance(MS / 2);
    expect(firewall.job(1)).toBe('FIN OK 100: Configuration committed successfully');
    // What came while it ran is still to be committed.
    expect(firewall.runs()).not.toContain('"b"');
    expect(firewall.commit()).toContain('FIN OK');
    expect(firewall.runs()).toContain('"b"');
  });

  test('a queue, where the release has one', async () => {
    await using firewall = await device({ quirks: { commitQueue: true } });
    firewall.set(...put('a'));
    firewall.start();
    firewall.set(...put('b'));
    firewall.start();
    expect(firewall.job(2)).toBe('PEND PEND 0: ');
    firewall.time.advance(MS);
    expect(firewall.job(2)).toBe('ACT PEND 0: ');
    firewall.time.advance(MS);
    expect(firewall.runs()).toContain('"b"');
  });

  test('a time instead of 100 at the end, as some releases tell it', async () => {
    await using firewall = await device({ quirks: { finalProgress: 'time' } });
    firewall.set(...put('a'));
    expect(firewall.commit()).toMatch(/^FIN OK 2026\/01\/05 12:00:01: /);
  });

  test('unknown ones', async () => {
    await using firewall = await device();
    expect(firewall.op('<show><jobs><id>999</id></jobs></show>')).toBe('error: job 999 not found');
    expect(firewall.op('<show><jobs><id>4294967296</id></jobs></show>')).toBe('error: job -1 not found');
    expect(firewall.op('<show><jobs><all/></jobs></show>')).toBe('success: ');
  });

  test('failures on demand, with warnings on the others', async () => {
    await using firewall = await device();
    firewall.commitWarnings = ['rule r1 shadows r2'];
    firewall.failNextCommit('Commit failed', 'phash error');
    firewall.set(...put('a'));
    expect(firewall.commit()).toBe('FIN FAIL 100: Commit failed | phash error');
    expect(firewall.runs()).not.toContain('"a"');
    expect(firewall.op('<check><pending-changes/></check>')).toBe('success: yes');
    expect(firewall.commit()).toContain('FIN OK');
    expect(firewall.op('<show><jobs><id>2</id></jobs></show>')).toContain('rule r1 shadows r2');
  });

  test('a restart in the middle publishes nothing', async () => {
    await using firewall = await device();
    const before = firewall.runs();
    firewall.set(...put('a'));
    firewall.start();
    firewall.time.advance(MS / 2);
    firewall.reboot();
    firewall.time.advance(MS);
    expect(firewall.runs()).toBe(before);
    expect(firewall.dumpCandidate()).toBe(before);
    expect(firewall.op('<show><jobs><id>1</id></jobs></show>')).toContain('not found');
  });
});

describe('reverting', () => {
  test("load running-config takes everybody's work, not past a lock", async () => {
    await using firewall = await device();
    const load = '<load><config><from>running-config.xml</from></config></load>';
    firewall.set(...put('a'));
    firewall.locks.take('config', 'vsys1', 'alice');
    expect(firewall.op(load)).toBe('error 15: Configuration is locked by alice');
    firewall.locks.release('config', 'vsys1', 'alice');
    expect(firewall.op(load)).toContain('success');
    expect(firewall.dumpCandidate()).toBe(firewall.runs());
    expect(firewall.start()).toBe('success 19: There are no changes to commit.');
    expect(firewall.op(load.replace('running-config', 'other'))).toContain('error 13');
  });
});

describe('locks', () => {
  const lock = (kind: string, verb: string): string => `<request><${kind}-lock>${verb}</${kind}-lock></request>`;
  const add = '<add><comment>change 4711</comment></add>';

  test('a config lock keeps others from editing there, and nowhere else', async () => {
    await using firewall = await device({ model: 'PA-3220', vsys: ['vsys1', 'vsys2'] });
    expect(firewall.op(lock('config', add), 'alice', { vsys: 'vsys1' })).toContain('success');
    expect(firewall.set(...put('a'))).toBe('error 15: Configuration is locked by alice');
    expect(firewall.set(...put('a'), 'alice')).toContain('success');
    expect(
      firewall.set(`${vsys.replace('vsys1', 'vsys2')}/address/entry[@name='b']`, '<ip-netmask>10.0.0.1</ip-netmask>'),
    ).toContain('success');
    expect(firewall.op(lock('config', add), 'alice', { vsys: 'vsys1' })).toBe(
      'error 15: You already own a config lock for scope vsys1',
    );
    expect(firewall.op(lock('config', add), 'admin', { vsys: 'vsys1' })).toBe(
      'error 15: Config for scope vsys1 is currently locked',
    );
    expect(firewall.op(lock('config', add), 'admin')).toBe('error 15: Config for scope shared is currently locked');
    expect(firewall.op(lock('config', '<remove/>'), 'admin', { vsys: 'vsys2' })).toBe(
      'error 15: Config is not currently locked for scope vsys2',
    );
    expect(firewall.op('<show><config-locks/></show>')).toBe('success: vsys1 | yes | change 4711');
    expect(firewall.op(lock('config', '<remove/>'), 'alice', { vsys: 'vsys1' })).toContain('success');
    expect(firewall.set(...put('a'))).toContain('success');
    expect(firewall.op(lock('config', add), 'admin', { vsys: 'vsys9' })).toContain('vsys is invalid');
  });

  test('a lock on shared counts everywhere', async () => {
    await using firewall = await device();
    firewall.op(lock('config', add), 'alice');
    expect(firewall.set(...put('a'))).toBe('error 15: Configuration is locked by alice');
  });

  test('a commit lock keeps others from committing, until an administrator removes it', async () => {
    await using firewall = await device();
    firewall.set(...put('a'));
    expect(firewall.op(lock('commit', add), 'alice')).toContain('success');
    expect(firewall.op(lock('commit', add))).toBe('error 15: Commit lock is already held');
    expect(firewall.start()).toMatch(/^error 15: Configuration is locked by alice/);
    expect(firewall.op('<show><commit-locks/></show>')).toContain('change 4711');
    expect(firewall.op(lock('commit', '<remove><admin>alice</admin></remove>'))).toContain('success');
    expect(firewall.op(lock('commit', '<remove/>'))).toBe('error 15: Commit lock is not currently held');
    expect(firewall.commit()).toContain('FIN OK');
  });

  test.each([
    [false, 0],
    [true, 1],
  ])("after their owner's commit, where they survive it: %s", async (locksSurviveCommit, left) => {
    await using firewall = await device({ quirks: { locksSurviveCommit } });
    firewall.op(lock('config', add));
    firewall.set(...put('a'));
    firewall.commit();
    expect(firewall.locks.held('config')).toHaveLength(left);
  });
});
