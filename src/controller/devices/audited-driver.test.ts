import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { world } from '../../../test/kit/worlds.ts';
import { SallyportError } from '../../base/error.ts';
import { silentLog } from '../../base/log.ts';
import type { Driver } from '../../firewalls/driver.ts';
import { MemoryDevice } from '../../firewalls/memory/device.ts';
import { MemoryDriver } from '../../firewalls/memory/memory-driver.ts';
import { historyOf } from '../../insight/audit/history.ts';
import { AuditTrail } from '../../insight/audit/trail.ts';
import type { Step } from '../../plan/step.ts';
import { type AuditedDriver, audited } from './audited-driver.ts';

const PLAN = 'ab'.repeat(32);
const { signal } = new AbortController();
const ALL = { since: Number.NEGATIVE_INFINITY, until: Number.POSITIVE_INFINITY, last: 100 };

let folder: string;
let inner: MemoryDriver;
let driver: AuditedDriver;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-audited-'));
  inner = new MemoryDriver(new MemoryDevice());
  driver = audited(inner, newTrail(), 'user ada');
});
const newTrail = (): AuditTrail =>
  new AuditTrail({ folder, firewall: 'edge-1', clock: new FakeClock(), log: silentLog });
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function steps(): Promise<readonly Step[]> {
  const wanted = driver.translate(world({ '10.0.0.1': 'bank' }), await driver.capabilities(signal));
  return driver.steps(await driver.observe(signal), wanted);
}
const told = async () => (await historyOf(folder, 'edge-1', ALL)).writes;

test('each write is told with its plan, its objects and what became of it', async () => {
  const all = await steps();
  driver.under(PLAN);
  for (const step of all) await driver.apply(step, signal);
  const writes = await told();
  expect(writes.map(({ title }) => title)).toEqual(all.map(({ title }) => title));
  expect(writes.every(({ plan, by, result }) => plan === PLAN && by === 'user ada' && result === 'Accepted')).toBe(
    true,
  );
  expect(writes[0]?.objects).toEqual(all[0]?.objects.slice(0, 100));
  expect(await steps()).toEqual([]);
});

test('what is refused is told with its code, and thrown as it was', async () => {
  const failure = new SallyportError('DEVICE_UNREACHABLE', 'no route');
  const refusing = new MemoryDriver(new MemoryDevice());
  refusing.apply = () => Promise.reject(failure);
  const trail = newTrail();
  const [step] = await steps();
  if (step === undefined) throw new Error('nothing to write');
  await expect(audited(refusing, trail, 'controller a').apply(step, signal)).rejects.toBe(failure);
  expect(await told()).toMatchObject([{ result: 'Refused', code: 'DEVICE_UNREACHABLE', message: 'no route' }]);
});

test('how the device calls what it did is told with its answer, good or bad, and the right to write is asked as before', async () => {
  const [step] = await steps();
  if (step === undefined) throw new Error('nothing to write');
  const lost = new SallyportError('NOT_THE_WRITER', 'the lock is not held');
  let asked = 0;
  const apply: Driver['apply'] = async (_step, _signal, mayGoOn) => {
    mayGoOn?.named?.('job 417');
    mayGoOn?.();
    mayGoOn?.named?.('job 418');
  };
  driver = audited(Object.assign(inner, { apply }), newTrail(), 'user ada');
  await driver.apply(step, signal);
  await driver.apply(step, signal, () => void (asked += 1));
  const refuse = (): void => {
    throw lost;
  };
  await expect(driver.apply(step, signal, refuse)).rejects.toBe(lost);
  expect(asked).toBe(1);
  expect((await told()).map(({ result, device }) => [result, device])).toEqual([
    ['Accepted', ['job 417', 'job 418']],
    ['Accepted', ['job 417', 'job 418']],
    ['Refused', ['job 417']],
  ]);
});

test('what a device cannot do stays absent, and who wraps a method wraps the recorded one', async () => {
  expect('drops' in driver).toBe('drops' in inner);
  expect(Reflect.get(driver, 'counters')).toBeUndefined();
  expect(typeof driver.observe).toBe('function');
  const apply = driver.apply.bind(driver);
  let wrapped = 0;
  driver.apply = async (step, stop) => {
    wrapped += 1;
    await apply(step, stop);
  };
  const all = await steps();
  for (const step of all) await driver.apply(step, signal);
  expect(wrapped).toBe(all.length);
  expect(await told()).toHaveLength(all.length);
});
