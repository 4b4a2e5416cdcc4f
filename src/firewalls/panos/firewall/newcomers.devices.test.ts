import { describe, expect, test } from 'vitest';
import type { PanOs, PanOsOptions } from '../../../../simulators/panos/index.ts';
import { enforce } from '../../../../test/kit/worker-on-memory.ts';
import { allowing, crowd, translating, world } from '../../../../test/kit/worlds.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import type { Group, Ruleset } from '../../../border/ruleset.ts';
import { stepsOf } from '../../contract/harness.ts';
import type { Worker } from '../../worker/worker.ts';
import {
  type Under,
  committing as committingTo,
  holds,
  isCommitting,
  until,
  watchedUntilConfirmed,
  wish,
} from '../change/committing.fixture.ts';
import { passingOn } from '../lab.fixture.ts';
import { closedAfterEach } from './opened.fixture.ts';

const NEW = '10.0.0.77';
const OTHER = '10.0.0.78';

const { keep, border, connect } = closedAfterEach();

const bank = allowing('bank', '203.0.113.0/24', 443);
const shop = allowing('shop', '198.51.100.0/24', 80);
/** The same class, with another rule. */
const edited = allowing('shop', '198.51.100.0/24', 8080);
const pods = { ...crowd(3, 'bank'), ...crowd(3, 'shop', 1) };
const before = world(pods, [bank, shop]);
const asked = world(pods, [bank, edited]);

/** The class of the newcomer, or of each of them, beside the same rules. */
function withNew(newcomers: Readonly<Record<string, string>>, rest: Partial<Ruleset> = {}): Ruleset {
  return world({ ...pods, ...newcomers }, [bank, edited], rest);
}

function passes(device: PanOs, source: string, destinationPort: number): boolean | undefined {
  const packet = { family: 4, source, destination: '203.0.113.9', protocol: 6, sourcePort: 40_000 } as const;
  return passingOn(device)({ ...packet, destinationPort });
}

/** The commit edits the rules of one class. */
const committing = (device: PanOs, under: Under = {}): Promise<Worker> =>
  committingTo(device, [before, asked], keep, under);

/** What is wished for in the end is what the device holds then. */
async function converges(device: PanOs, worker: Worker, ruleset: Ruleset): Promise<void> {
  device.commitMs = 0;
  await until(() => worker.confirmed()?.ruleset === ruleset);
  expect(await stepsOf(connect(device), ruleset)).toEqual([]);
}

describe('while PAN-OS commits', () => {
  test('who is new joins a class that the commit does not touch, and sends what it may at once', async () => {
    const device = await border();
    const worker = await committing(device);
    const ruleset = withNew({ [NEW]: 'bank' });
    worker.desire(wish(ruleset));
    await until(() => holds(device, NEW));
    expect(isCommitting(device)).toBe(true);
    expect([443, 80].map((port) => passes(device, NEW, port))).toEqual([true, false]);
    await converges(device, worker, ruleset);
  });

  const list: Group = {
    id: 'guests',
    kind: 'AddressGroup',
    family: 4,
    deviceName: 'sp-guests',
    resource: 'AddressGroup/guests',
    use: 'Allow',
    members: BucketMap.from([[NEW, true as const]]),
  };
  const snat = translating('out', { [NEW]: { kind: 'Address', address: '203.0.113.77' } });
  const waiting: readonly (readonly [string, Ruleset, Under])[] = [
    ['its class is edited', withNew({ [NEW]: 'shop', [OTHER]: 'bank' }), {}],
    ['somebody had the address before', withNew({ [NEW]: 'bank', [OTHER]: 'bank' }), { owners: { [NEW]: 'a pod' } }],
    ['it is translated', withNew({ [NEW]: 'bank', [OTHER]: 'bank' }, { nats: [snat] }), {}],
    [
      'rules of others name it',
      withNew({ [NEW]: 'bank', [OTHER]: 'bank' }, { groups: new Map([[list.id, list]]) }),
      {},
    ],
  ];
  test.each(waiting)('an address waits where %s, and others join', async (_, ruleset, under) => {
    const device = await border();
    const worker = await committing(device, under);
    worker.desire(wish(ruleset, under.owners));
    await until(() => holds(device, OTHER));
    expect([isCommitting(device), holds(device, NEW)]).toEqual([true, false]);
    await converges(device, worker, ruleset);
    expect(holds(device, NEW)).toBe(true);
  });

  const nobody: readonly (readonly [string, PanOsOptions, Under])[] = [
    ['a yes is asked for everything', {}, { settings: { ...enforce, mode: 'Approve', approve: 'Everything' } }],
    // Six of ours, the marker, and one of somebody else's.
    ['the device has no room for all', { capacity: { 'max-registered-ip-address': 8 } }, {}],
  ];
  test.each(nobody)('nobody joins where %s', async (_, options, under) => {
    const device = await border(options);
    const worker = await committing(device, under);
    const [first = '', second = ''] = Object.keys(pods);
    const without = (...gone: readonly string[]): Ruleset => {
      const left = Object.entries(pods).filter(([address]) => !gone.includes(address));
      return world({ ...Object.fromEntries(left), ...crowd(3, 'bank', 2) }, [bank, edited]);
    };
    worker.desire(wish(without(first)));
    await until(() => !holds(device, first));
    // Who joins does so after who leaves, and before who leaves next.
    worker.desire(wish(without(first, second)));
    await until(() => !holds(device, second));
    expect([isCommitting(device), holds(device, '10.0.2.1')]).toEqual([true, false]);
    await worker.stop();
  });

  test('who joined leaves with its address, and the next one who has it gets nothing that was not meant for him', async () => {
    const device = await border();
    const worker = await committing(device);
    worker.desire(wish(withNew({ [NEW]: 'bank', [OTHER]: 'bank' })));
    await until(() => holds(device, NEW));
    const heir = withNew({ [NEW]: 'shop' });
    worker.desire(wish(heir, { [NEW]: 'an heir' }));
    await until(() => !holds(device, NEW) && !holds(device, OTHER));
    expect(isCommitting(device)).toBe(true);
    await converges(device, worker, heir);
    expect(holds(device, NEW)).toBe(true);
  });

  test('a commit that fails takes nothing from who joined beside it', async () => {
    const device = await border();
    const worker = await committing(device, { inVain: true });
    const ruleset = withNew({ [NEW]: 'bank' });
    worker.desire(wish(ruleset));
    await until(() => holds(device, NEW));
    expect(isCommitting(device)).toBe(true);
    expect(await watchedUntilConfirmed(device, worker, ruleset, () => !holds(device, NEW))).toBe(false);
    expect(await stepsOf(connect(device), ruleset)).toEqual([]);
  });
});
