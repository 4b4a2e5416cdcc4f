import { expect, test } from 'vitest';
import type { Matches } from '../../../../simulators/panos/index.ts';
import { PATIENCE_MS } from '../../../../test/kit/runs.ts';
import { world } from '../../../../test/kit/worlds.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import type { Ruleset } from '../../../border/ruleset.ts';
import { type AnyDriver, bring, stepsOf } from '../../contract/harness.ts';
import { writeAtOnce } from '../../rulebase/plain-dialect.fixture.ts';
import { FULL, connectTo, furnish, startDevice } from '../lab.fixture.ts';
import { connectToBorder, startBorder } from '../panorama/lab.fixture.ts';

const signal = new AbortController().signal;

/** A firewall, or a Panorama, whose candidate everybody sees. */
interface Subject extends AsyncDisposable {
  readonly device: {
    readonly faults: { next(fault: { kind: 'refused'; code: number; text: string }, of: { matches: Matches }): void };
    dump(): string;
    dumpCandidate(): string;
  };
  connect(): AnyDriver;
}

async function firewall(): Promise<Subject> {
  const device = await startDevice();
  await furnish(device);
  return {
    device,
    connect: () => connectTo(device, FULL, 'lab', { write: writeAtOnce }) as unknown as AnyDriver,
    [Symbol.asyncDispose]: () => device[Symbol.asyncDispose](),
  };
}

async function panorama(): Promise<Subject> {
  const border = await startBorder();
  return {
    device: border.panorama,
    connect: () => connectToBorder(border, FULL, { write: writeAtOnce }) as unknown as AnyDriver,
    [Symbol.asyncDispose]: () => border[Symbol.asyncDispose](),
  };
}

/** A configured group: an address object for each of its members. */
function blocked(count: number): Ruleset {
  const addresses = Array.from({ length: count }, (_, at) => `10.9.${at >> 8}.${at & 255}`);
  const members = BucketMap.from(addresses.map((address) => [address, true as const]));
  const named = { deviceName: 'blocked', resource: 'AddressGroup/blocked', use: 'Deny', members } as const;
  return world({}, [], { groups: new Map([['deny', { id: 'deny', kind: 'AddressGroup', family: 4, ...named }]]) });
}

test.each([
  ['a firewall', firewall],
  ['a Panorama', panorama],
])(
  'edits that are more than one request, of which %s refuses the second, leave nothing for others to publish',
  async (_, start) => {
    await using subject = await start();
    const { device } = subject;
    const driver = subject.connect();
    await bring(driver, blocked(3));
    const before = device.dump();
    expect(device.dumpCandidate()).toBe(before);
    const isEdit: Matches = (given) => given.get('action') === 'multi-config';
    let requests = 0;
    device.faults.next(
      { kind: 'refused', code: 12, text: 'no' },
      { matches: (given) => isEdit(given) && ++requests === 2 },
    );
    const [step] = await stepsOf(driver, blocked(510));
    await expect(driver.apply(step as never, signal)).rejects.toMatchObject({ code: 'DEVICE_REJECTED' });
    expect(requests).toBeGreaterThan(1);
    expect(device.dumpCandidate()).toBe(before);
    await bring(driver, blocked(510));
  },
  PATIENCE_MS,
);
