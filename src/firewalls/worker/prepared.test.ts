import { expect, test } from 'vitest';
import { smallRuleset } from '../../../test/kit/small-ruleset.ts';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { SallyportError } from '../../base/error.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { MemoryDevice } from '../memory/device.ts';
import { MemoryDriver, type MemoryTranslation } from '../memory/memory-driver.ts';
import { Session } from './session.ts';
import { soleWriter } from '../writer-lock.ts';

/** Has to work out each ruleset first. */
class SlowDriver extends MemoryDriver {
  readonly prepared: Ruleset[] = [];
  refuses = false;

  prepare(desired: Ruleset): Promise<void> {
    if (this.refuses) return Promise.reject(new SallyportError('FLAT_NOT_PROVED', 'a flow differs'));
    this.prepared.push(desired);
    return Promise.resolve();
  }

  override translate(desired: Ruleset): MemoryTranslation {
    if (!this.prepared.includes(desired)) throw new SallyportError('FLAT_PENDING', 'not yet');
    return super.translate(desired);
  }
}

test('a session prepares what its work wants to translate, and what cannot be proved ends the work', async () => {
  const driver = new SlowDriver(new MemoryDevice());
  const session = new Session(driver, soleWriter, new FakeClock(), new AbortController().signal);
  const one = smallRuleset({ policies: { web: [{}] }, members: { '10.0.0.1': 'web' } });
  const two = smallRuleset({ policies: {}, members: {} });
  const work = async (): Promise<number> => {
    const actual = await session.observe();
    session.translate(two);
    return session.steps(actual, one).length;
  };
  expect(await session.prepared(work)).toBeGreaterThan(0);
  expect(driver.prepared).toEqual([two, one]);
  driver.refuses = true;
  session.forget();
  await session.observe();
  await expect(session.prepared(() => Promise.resolve(session.translate({ ...one })))).rejects.toMatchObject({
    code: 'FLAT_NOT_PROVED',
  });
});
