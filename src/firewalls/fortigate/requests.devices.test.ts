import { describe, expect, test } from 'vitest';
import { ask } from '../../../simulators/fortigate/asking.fixture.ts';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { allowing, crowd, translating, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Capabilities } from '../driver.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { type AnyDriver, bring } from '../contract/harness.ts';
import { RULES } from './contract.fixture.ts';

const signal = new AbortController().signal;
/** As for the commands that ask no device. */
const UNASKED: Capabilities = {
  device: 'none',
  families: [4, 6],
  owns: undefined,
  transactionLimit: undefined,
  notes: [],
};

const members = BucketMap.from(['10.0.0.1', 'fd00::1'].map((address) => [address, true as const]));
const list = { id: 'a', kind: 'AddressGroup', family: 'Both', deviceName: 'payments', members } as const;
const listed: Ruleset = world({}, [], {
  groups: new Map(
    ([4, 6] as const).map((family) => [
      `a${family}`,
      { ...list, id: `a${family}`, family, resource: 'AddressGroup/payments', use: 'Allow' },
    ]),
  ),
});
const translated: Ruleset = world(crowd(2, 'bank'), [allowing('bank', '203.0.113.0/24', 443)], {
  nats: [translating('out', { '10.0.0.1': { kind: 'Address', address: '198.18.0.1' } })],
});
const crowded: Ruleset = world({ ...crowd(150, 'bank'), ...crowd(30, 'shop', 1) });

async function rendered(driver: AnyDriver, ruleset: Ruleset): Promise<string> {
  await driver.prepare?.(ruleset, UNASKED, signal);
  return driver.render(driver.translate(ruleset, UNASKED));
}

describe('what is rendered', () => {
  test('is each request with its path and body, in order', async () => {
    await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
    const options = { ...RULES, position: { before: 'their rule' } };
    const text = await rendered(simulated.connect(options), { ...translated, groups: listed.groups });
    await expect(text).toMatchFileSnapshot('golden/requests.txt');
    // Nobody was asked.
    expect(simulated.device.served).toEqual([]);
  });

  test.each([
    ['lists', listed, {}],
    ['rules and translations', translated, RULES],
    ['rules next to one of others', translated, { ...RULES, position: { before: 'their rule' } }],
    ['rules below one of others', translated, { ...RULES, position: { after: 'their rule' } }],
    ['rules at the end', crowded, { ...RULES, position: 'Last' }],
  ])('sent by hand makes of a device what the driver makes of it: %s', async (_, ruleset, options) => {
    await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
    await using byHand = await SimulatedDevice.start({ version: '7.4.8' });
    for (const one of [simulated, byHand]) {
      one.device.hand.settings('system/settings', { 'central-nat': 'enable' });
      one.addForeignRules();
      addForeignTranslation(one);
    }
    const driver: AnyDriver = simulated.connect(options);
    await bring(driver, ruleset);
    await send(byHand, await rendered(byHand.connect(options), ruleset));
    expect(byHand.ours()).toBe(simulated.ours());
    expect(byHand.device.dump().replaceAll(WRITER, '')).toBe(simulated.device.dump().replaceAll(WRITER, ''));
  });

  test('is nothing where nothing is wanted', async () => {
    await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
    expect(await rendered(simulated.connect({}), world({}, []))).toBe('');
  });
});

const ENDS = { srcintf: [{ name: 'port2' }], dstintf: [{ name: 'port1' }] };

function addForeignTranslation({ device }: SimulatedDevice): void {
  const addresses = { 'orig-addr': [{ name: 'theirs' }], 'dst-addr': [{ name: 'all' }] };
  device.hand.create('firewall/central-snat-map', { ...ENDS, ...addresses, comments: 'theirs' });
}

const WRITER = /(?<=sallyport:lab:writer )[0-9a-f]{8}| set uuid \S+/g;

/** As somebody would who reads it: numbers are put in for what stands in brackets. */
async function send({ device }: SimulatedDevice, text: string): Promise<void> {
  const numbers = new Map<string, string>([['(this process)', '0badcafe']]);
  const [first, anchor, below] = device.hand.keys('firewall/policy');
  const [translation] = device.hand.keys('firewall/central-snat-map');
  numbers.set('(first-policy-of-others)', first ?? '').set('(their rule)', anchor ?? '');
  numbers.set('(policy-below-it)', below ?? '').set('(first-translation-of-others)', translation ?? '');
  let transaction: string | undefined;
  for (const [, request = '', body] of text.matchAll(/^([A-Z]+ \/\S+)(?:\n {2}(.*))?$/gm)) {
    let [line, sent] = [decodeURIComponent(request), body];
    for (const [placeholder, number] of numbers) {
      line = line.replaceAll(placeholder, number);
      sent = sent
        ?.replaceAll(placeholder, number)
        .replace(`"${number}"`, number === transaction ? number : `"${number}"`);
    }
    const headers: Record<string, string> = transaction === undefined ? {} : { 'x-transaction-id': transaction };
    const answer = await ask(device, line, sent, { headers });
    expect(answer.body, `${request} ${sent ?? ''}`).toMatchObject({ status: 'success' });
    const { results, mkey } = answer.body as { results?: { 'transaction-id'?: number }; mkey?: unknown };
    if (line.includes('transaction-start')) {
      transaction = String(results?.['transaction-id']);
      numbers.set('(as answered)', transaction);
    }
    if (line.includes('transaction-commit')) transaction = undefined;
    const made = JSON.parse(sent ?? '{}') as { name?: string; comments?: string };
    if (typeof mkey === 'number') numbers.set(`(${made.name ?? made.comments?.split(' ')[1]})`, String(mkey));
  }
}
