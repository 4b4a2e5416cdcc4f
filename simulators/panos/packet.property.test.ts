import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { tries } from '../../test/kit/runs.ts';
import { natRules, rules, told, vsys } from './client.fixture.ts';
import { PanOs } from './index.ts';

const hosts = Array.from({ length: 8 }, (_, index) => `10.0.0.${index}`);
const outside = ['203.0.113.1', '203.0.113.2'];
const zones = ['k8s', 'internet', 'lab'];
const tags = ['red', 'blue'];

/** Every name that a rule may use, and whom it means: written down here by hand, read by the device from its configuration. */
const objects: Readonly<
  Record<
    string,
    {
      readonly xml?: readonly [string, string];
      readonly holds: (ip: string, tagged: ReadonlyMap<string, string>) => boolean;
    }
  >
> = {
  any: { holds: () => true },
  '10.0.0.4/30': { holds: (ip) => hosts.slice(4).includes(ip) },
  '10.0.0.1-10.0.0.3': { holds: (ip) => hosts.slice(1, 4).includes(ip) },
  one: { xml: ['address', '<ip-netmask>10.0.0.1</ip-netmask>'], holds: (ip) => ip === '10.0.0.1' },
  odd: {
    xml: ['address', '<ip-wildcard>10.0.0.1/0.0.0.6</ip-wildcard>'],
    holds: (ip) => hosts.includes(ip) && Number(ip.at(-1)) % 2 === 1,
  },
  bank: { xml: ['address', '<ip-range>203.0.113.1-203.0.113.1</ip-range>'], holds: (ip) => ip === '203.0.113.1' },
  both: {
    xml: ['address-group', '<static><member>one</member><member>bank</member></static>'],
    holds: (ip) => ip === '10.0.0.1' || ip === '203.0.113.1',
  },
  red: {
    xml: ['address-group', "<dynamic><filter>'red'</filter></dynamic>"],
    holds: (ip, tagged) => tagged.get(ip) === 'red',
  },
  nested: {
    xml: ['address-group', '<static><member>both</member><member>red</member></static>'],
    holds: (ip, tagged) => ['10.0.0.1', '203.0.113.1'].includes(ip) || tagged.get(ip) === 'red',
  },
};
const services: Readonly<Record<string, (port: number) => boolean>> = {
  any: () => true,
  'service-https': (port) => port === 443,
  web: (port) => port === 80 || (port >= 8000 && port <= 8010),
};

interface Wanted {
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly source: readonly string[];
  readonly destination: readonly string[];
  readonly service: readonly string[];
  readonly negate: boolean;
  readonly disabled: boolean;
  readonly type: string;
  readonly allow: boolean;
}

const some = (of: readonly string[]): fc.Arbitrary<readonly string[]> =>
  fc.uniqueArray(fc.constantFrom(...of), { minLength: 1, maxLength: 2 });
const wanted: fc.Arbitrary<Wanted> = fc.record({
  from: some(['any', ...zones]),
  to: some(['any', ...zones]),
  source: some(Object.keys(objects)),
  destination: some(Object.keys(objects)),
  service: some(Object.keys(services)),
  negate: fc.boolean(),
  disabled: fc.boolean(),
  type: fc.constantFrom('universal', 'intrazone', 'interzone'),
  allow: fc.boolean(),
});
const flow = fc.record({
  source: fc.constantFrom(...hosts, ...outside),
  destination: fc.constantFrom(...hosts, ...outside),
  destinationPort: fc.constantFrom(80, 443, 8005, 9000),
  from: fc.constantFrom(...zones),
  to: fc.constantFrom(...zones),
});

const list = (name: string, all: readonly string[]): string =>
  `<${name}>${all.map((one) => `<member>${one}</member>`).join('')}</${name}>`;
const yes = (so: boolean): string => (so ? 'yes' : 'no');

test('the first rule that matches decides, whatever it is made of', async () => {
  const world = fc.record({
    security: fc.array(wanted, { maxLength: 6 }),
    nat: fc.array(
      fc.record({ source: some(Object.keys(objects)), to: fc.constantFrom(...zones), exempts: fc.boolean() }),
      { maxLength: 3 },
    ),
    tagged: fc.array(fc.tuple(fc.constantFrom(...hosts), fc.constantFrom(...tags)), { maxLength: 5 }),
    flows: fc.array(flow, { minLength: 20, maxLength: 20 }),
  });
  await fc.assert(
    fc.asyncProperty(world, async ({ security, nat, tagged: pairs, flows }) => {
      const clock = new FakeClock();
      await using device = await PanOs.start({
        plain: true,
        zones,
        clock,
        commitMs: 0,
        quirks: { reregistering: 'silent' },
      });
      const set = (xpath: string, element: string): void => {
        expect(told(device.byHand({ type: 'config', action: 'set', xpath, element }))).toContain('success');
      };
      for (const [name, { xml }] of Object.entries(objects))
        if (xml !== undefined) set(`${vsys}/${xml[0]}/entry[@name='${name}']`, xml[1]);
      set(`${vsys}/service/entry[@name='web']`, '<protocol><tcp><port>80,8000-8010</port></tcp></protocol>');
      for (const [index, one] of security.entries())
        set(
          `${rules}/entry[@name='r${index}']`,
          `${list('from', one.from)}${list('to', one.to)}${list('source', one.source)}${list('destination', one.destination)}${list('application', ['any'])}${list('service', one.service)}<negate-source>${yes(one.negate)}</negate-source><disabled>${yes(one.disabled)}</disabled><rule-type>${one.type}</rule-type><action>${one.allow ? 'allow' : 'deny'}</action>`,
        );
      for (const [index, one] of nat.entries())
        set(
          `${natRules}/entry[@name='n${index}']`,
          `${list('from', ['any'])}${list('to', [one.to])}${list('source', one.source)}${list('destination', ['any'])}<service>any</service>${one.exempts ? '' : `<source-translation><dynamic-ip-and-port>${list('translated-address', [`198.51.100.${index}`])}</dynamic-ip-and-port></source-translation>`}`,
        );
      const tagged = new Map(pairs);
      for (const [ip, tag] of tagged)
        device.byHand({
          type: 'user-id',
          cmd: `<uid-message><payload><register><entry ip="${ip}"><tag><member>${tag}</member></tag></entry></register></payload></uid-message>`,
        });
      device.byHand({ type: 'commit', cmd: '<commit/>' });
      clock.advance(0);

      const isOf = (names: readonly string[], ip: string): boolean =>
        names.some((name) => objects[name]?.holds(ip, tagged) === true);
      const zoneOf = (names: readonly string[], zone: string): boolean => names.includes('any') || names.includes(zone);
      for (const one of flows) {
        const first = security.findIndex(
          (r) =>
            !r.disabled &&
            zoneOf(r.from, one.from) &&
            zoneOf(r.to, one.to) &&
            (r.type === 'universal' || (r.type === 'intrazone') === (one.from === one.to)) &&
            isOf(r.source, one.source) !== r.negate &&
            isOf(r.destination, one.destination) &&
            r.service.some((name) => services[name]?.(one.destinationPort) === true),
        );
        const decides = security[first];
        const passes = decides === undefined ? one.from === one.to : decides.allow;
        const translates = nat.findIndex((n) => n.to === one.to && isOf(n.source, one.source));
        const becomes =
          passes && translates >= 0 && nat[translates]?.exempts === false ? [`198.51.100.${translates}`] : undefined;
        const found = device.passes({ ...one, protocol: 'tcp', sourcePort: 40_000 });
        expect([found.verdict, found.rule, found.translation?.sources]).toEqual([
          passes ? 'pass' : 'stop',
          decides !== undefined ? `r${first}` : one.from === one.to ? 'intrazone-default' : 'interzone-default',
          becomes,
        ]);
      }
    }),
    tries(20, 7),
  );
});
