import { describe, expect, test } from 'vitest';
import type { PanOs } from '../../../../simulators/panos/index.ts';
import { allowing, crowd, world } from '../../../../test/kit/worlds.ts';
import type { Ruleset } from '../../../border/ruleset.ts';
import { stepsOf } from '../../contract/harness.ts';
import type { Worker } from '../../worker/worker.ts';
import { committing as committingTo, holds, isCommitting, until, wish } from '../change/committing.fixture.ts';
import { closedAfterEach } from './opened.fixture.ts';

const NEW = '10.0.0.77';
const OTHER = '10.0.0.78';
const pods = crowd(4, 'bank');
const [first = '', second = ''] = Object.keys(pods);
const rules = [allowing('bank', '203.0.113.0/24', 443), allowing('shop', '203.0.113.0/24', 8443)];

const { keep, border, connect } = closedAfterEach();

/** Who is there beside the pods, and who of them is gone. */
function after({
  gone = [],
  come = [],
}: {
  readonly gone?: readonly string[];
  readonly come?: readonly string[];
}): Ruleset {
  const left = Object.entries(pods).filter(([address]) => !gone.includes(address));
  return world({ ...Object.fromEntries(left), ...Object.fromEntries(come.map((one) => [one, 'bank'])) }, rules);
}

/** In the middle of a commit that adds a class; the next message is carried out or not, and its answer is lost. */
async function committing(device: PanOs, lost: 'lost before' | 'lost after' | 'cut off'): Promise<Worker> {
  const worker = await committingTo(device, [world(pods, rules.slice(0, 1)), after({})], keep);
  device.faults.next({ kind: lost }, { matches: (parameters) => parameters.get('type') === 'user-id' });
  return worker;
}

async function converges(device: PanOs, worker: Worker, ruleset: Ruleset): Promise<void> {
  expect(isCommitting(device)).toBe(true);
  device.commitMs = 0;
  await until(() => worker.confirmed()?.ruleset === ruleset);
  expect(await stepsOf(connect(device), ruleset)).toEqual([]);
}

describe('while PAN-OS commits and an answer is lost', () => {
  test.each(['lost after', 'cut off'] as const)('of who left (%s): the next one leaves too', async (lost) => {
    const device = await border();
    const worker = await committing(device, lost);
    worker.desire(wish(after({ gone: [first] })));
    await until(() => !holds(device, first));
    const both = after({ gone: [first, second] });
    worker.desire(wish(both));
    await until(() => !holds(device, second));
    await converges(device, worker, both);
  });

  test('of who joined: he leaves when he is gone, and others do', async () => {
    const device = await border();
    const worker = await committing(device, 'lost after');
    worker.desire(wish(after({ come: [NEW] })));
    await until(() => holds(device, NEW));
    const gone = after({ gone: [first] });
    worker.desire(wish(gone));
    await until(() => !holds(device, NEW) && !holds(device, first));
    await converges(device, worker, gone);
  });

  test('of who joined: the next one joins, and he is not sent once more', async () => {
    const device = await border();
    const worker = await committing(device, 'lost after');
    worker.desire(wish(after({ come: [NEW] })));
    await until(() => holds(device, NEW));
    const both = after({ come: [NEW, OTHER] });
    worker.desire(wish(both));
    await until(() => holds(device, OTHER));
    await converges(device, worker, both);
    // A tag that is there already makes the device refuse the whole message.
    expect(
      device.served.filter(({ parameters, status }) => parameters['type'] === 'user-id' && status === 'error'),
    ).toEqual([]);
  });

  test('a message that never arrived is sent again, though nothing else happens', async () => {
    const device = await border();
    const worker = await committing(device, 'lost before');
    const gone = after({ gone: [first], come: [NEW] });
    worker.desire(wish(gone));
    await until(() => !holds(device, first) && holds(device, NEW));
    await converges(device, worker, gone);
  });

  test('a join that never arrived is sent again, though nothing else happens', async () => {
    const device = await border();
    const worker = await committing(device, 'lost before');
    const come = after({ come: [NEW] });
    worker.desire(wish(come));
    await until(() => holds(device, NEW));
    await converges(device, worker, come);
  });
});
