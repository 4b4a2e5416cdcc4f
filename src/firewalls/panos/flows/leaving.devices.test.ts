import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PanOs } from '../../../../simulators/panos/index.ts';
import { rulesets } from '../../../../test/kit/rulesets.ts';
import { PATIENCE_MS, tries } from '../../../../test/kit/runs.ts';
import { everyPacket } from '../../../../test/kit/universe.ts';
import { crowd, passing, translating, world } from '../../../../test/kit/worlds.ts';
import { evaluate } from '../../../border/evaluate.ts';
import type { Ruleset } from '../../../border/ruleset.ts';
import { type AnyDriver, bring, translationOf } from '../../contract/harness.ts';
import { writeAtOnce } from '../../rulebase/plain-dialect.fixture.ts';
import { WORDS, asked } from '../firewall/compared.fixture.ts';
import { byHand, commitByHand, connectTo, startDevice } from '../lab.fixture.ts';
import { PLAIN, STAFF, furnishVsys, ruleXml } from './others-world.fixture.ts';
import { child, entriesAt, nameOf, parseXml } from '../api/xml.ts';

const signal = new AbortController().signal;
const NAT = '/rulebase/nat/rules';
const SECURITY = '/rulebase/security/rules';
const list = (name: string, all: readonly string[]): string =>
  `<${name}>${all.map((one) => `<member>${one}</member>`).join('')}</${name}>`;

/** How others translate: what one address comes of, and what the device chooses from. */
const WAYS = {
  exempt: '',
  one: `<dynamic-ip-and-port>${list('translated-address', ['one'])}</dynamic-ip-and-port>`,
  written: `<dynamic-ip-and-port>${list('translated-address', ['198.51.100.78'])}</dynamic-ip-and-port>`,
  pool: `<dynamic-ip-and-port>${list('translated-address', ['one', 'net-0'])}</dynamic-ip-and-port>`,
  net: `<dynamic-ip-and-port>${list('translated-address', ['net-0'])}</dynamic-ip-and-port>`,
  interface:
    '<dynamic-ip-and-port><interface-address><interface>ethernet1/1</interface></interface-address></dynamic-ip-and-port>',
  dynamic: `<dynamic-ip>${list('translated-address', ['one'])}</dynamic-ip>`,
  fixed: '<static-ip><translated-address>one</translated-address></static-ip>',
  fixedNet: '<static-ip><translated-address>net-0</translated-address></static-ip>',
} as const;
type WayName = keyof typeof WAYS;

interface Theirs {
  readonly to: string;
  readonly source: readonly string[];
  readonly destination: readonly string[];
  readonly service: string;
  readonly way: WayName;
  readonly disabled: boolean;
  readonly isBefore: boolean;
}

const some = (names: readonly string[]): fc.Arbitrary<readonly string[]> =>
  fc.oneof(fc.constant(['any']), fc.subarray([...names], { minLength: 1, maxLength: 2 }));

const theirs: fc.Arbitrary<Theirs> = fc.record({
  to: fc.constantFrom('internet', 'internet', 'lab'),
  source: fc.oneof(some([...PLAIN, 'domain', 'maybe']), fc.constantFrom(['pod'], ['10.0.0.2'])),
  destination: some([...PLAIN, 'domain']),
  service: fc.constantFrom('any', 'any', 'web', 'names', 'both'),
  way: fc.constantFrom(...(Object.keys(WAYS) as WayName[])),
  disabled: fc.constantFrom(false, false, false, true),
  isBefore: fc.boolean(),
});

function entryXml({ to, source, destination, service, way, disabled }: Theirs): string {
  const how = WAYS[way];
  return [
    '<nat-type>ipv4</nat-type>',
    list('from', ['k8s']),
    list('to', [to]),
    list('source', source),
    list('destination', destination),
    `<service>${service}</service>`,
    `<disabled>${disabled ? 'yes' : 'no'}</disabled>`,
    how === '' ? '' : `<source-translation>${how}</source-translation>`,
  ].join('');
}

async function start(): Promise<PanOs> {
  const device = await startDevice({ zones: ['k8s', 'internet', 'lab'] });
  device.accounts.put({ name: 'alice', password: 'x', role: 'superuser' });
  furnishVsys(device);
  byHand(device, 'set', "/address/entry[@name='one']", { element: '<ip-netmask>198.51.100.77/32</ip-netmask>' });
  byHand(device, 'set', "/address/entry[@name='pod']", { element: '<ip-netmask>10.0.0.1</ip-netmask>' });
  const rest = { ...STAFF, more: '', destination: ['any'] };
  byHand(device, 'set', `${SECURITY}/entry[@name='rest']`, { element: ruleXml(rest) });
  await commitByHand(device);
  return device;
}

const seen = { own: 0, byOthers: 0, byOurs: 0, open: 0 };

/** Every packet that surely passes and leaves with a source that is told does so on the device, by its own answer. */
function compare(
  device: PanOs,
  driver: Awaited<ReturnType<NonNullable<AnyDriver['passages']>>>,
  ruleset: Ruleset,
): void {
  const judge = device.judging();
  for (const packet of everyPacket()) {
    const evaluation = evaluate(ruleset, asked(packet));
    const answer = driver.of(asked(packet), evaluation);
    if (answer.outcome !== 'passes') continue;
    const { protocol, source, destination, sourcePort = 0, destinationPort = 0 } = packet;
    const word = WORDS.get(protocol) ?? protocol;
    const { translation } = judge({
      source,
      destination,
      protocol: word,
      sourcePort,
      destinationPort,
      from: 'k8s',
      to: 'internet',
    });
    const what = JSON.stringify({ packet, translation, answer });
    if (answer.leaves === undefined) {
      seen.open++;
      continue;
    }
    expect(answer.retranslated, what).toBeUndefined();
    // The device's own answer ends with the first rule that is in doubt; that all which may decide come to one address it does not say.
    if (translation?.sources.includes('unknown') === true) continue;
    expect(translation?.sources ?? [source], what).toEqual([answer.leaves.source]);
    if (answer.leaves.by !== undefined) {
      seen.byOthers++;
      expect(answer.leaves.by, what).toBe(`vsys1 "${translation?.rule}"`);
    } else if (translation === undefined) seen.own++;
    else {
      seen.byOurs++;
      expect(translation.rule, what).toMatch(/^sp-/);
    }
  }
}

test(
  'what is told to leave with a source leaves with it, whosever translation gives it, and all of that happens',
  async () => {
    await using device = await start();
    const options = {
      zones: { from: ['k8s'], to: ['internet'] },
      position: { before: 'rest' },
      form: 'Filter',
    };
    const tried = async (ruleset: Ruleset, rules: readonly Theirs[]): Promise<void> => {
      const connected = connectTo(device, options, 'lab', { write: writeAtOnce });
      const driver = connected as unknown as AnyDriver;
      fc.pre((await translationOf(driver, ruleset)).refusals.length === 0);
      await bring(driver, ruleset);
      const own = entriesAt(
        child(parseXml(device.dump()), 'devices', 'entry', 'vsys', 'entry'),
        'rulebase',
        'nat',
        'rules',
      );
      const [first] = own.map(nameOf).filter((name) => name.startsWith('sp-'));
      for (const [at, one] of rules.entries()) {
        const path = `${NAT}/entry[@name='theirs-${at}']`;
        byHand(device, 'set', path, { element: entryXml(one) });
        if (one.isBefore && first !== undefined) byHand(device, 'move', path, { where: 'before', dst: first });
      }
      await commitByHand(device);
      try {
        compare(device, (await driver.passages?.(signal)) ?? expect.fail(), ruleset);
      } finally {
        for (const at of rules.keys()) byHand(device, 'delete', `${NAT}/entry[@name='theirs-${at}']`);
        await commitByHand(device);
        await connected.close();
      }
    };
    const pods = crowd(2, 'bank');
    const snat = translating('out', { '10.0.0.2': { kind: 'Address', address: '203.0.113.77' } });
    const plain: Theirs = {
      to: 'internet',
      source: ['pod'],
      destination: ['any'],
      service: 'any',
      way: 'one',
      disabled: false,
      isBefore: true,
    };
    const known = world(pods, [passing('bank')], { nats: [snat] });
    await tried(known, [plain]);
    await tried(known, [
      { ...plain, way: 'fixed' },
      { ...plain, source: ['any'], way: 'pool', isBefore: false },
    ]);
    for (const how of ['own', 'byOthers', 'byOurs', 'open'] as const) expect(seen[how], how).toBeGreaterThan(0);
    await fc.assert(
      fc.asyncProperty(
        rulesets({ addressGroups: false, portsAlone: true }),
        fc.array(theirs, { minLength: 1, maxLength: 6 }),
        tried,
      ),
      { ...tries(8, 6), endOnFailure: true },
    );
  },
  PATIENCE_MS,
);
