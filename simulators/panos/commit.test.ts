import { describe, expect, test } from 'vitest';
import {} from './client.fixture.ts';
import { MS, device, put } from './commit.fixture.ts';
import { descend } from './xml.ts';

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

  test('the latest fifty are remembered', async () => {
    await using firewall = await device();
    for (let n = 1; n <= 55; n++) {
      firewall.set(...put('a', `10.0.0.${n}`));
      expect(firewall.commit()).toContain('FIN OK');
    }
    const rows = descend(firewall.byHand({ type: 'op', cmd: '<show><jobs><all/></jobs></show>' }), 'result')?.children;
    expect(rows?.map((row) => Number(descend(row, 'id')?.text))).toEqual(Array.from({ length: 50 }, (_, n) => 55 - n));
    expect(firewall.op('<show><jobs><id>5</id></jobs></show>')).toBe('error: job 5 not found');
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
