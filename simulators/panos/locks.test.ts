import { describe, expect, test } from 'vitest';
import { vsys } from './client.fixture.ts';
import { device, put } from './commit.fixture.ts';

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
