import { afterAll, beforeAll, expect, test } from 'vitest';
import { command, rememberIn } from '../../test/kit/commands.ts';
import { type DocumentKind, documentSchema, printedBy } from './output-schemas.ts';

const SHOP = ['-f', 'examples/shop'];
const CHECKOUT = 'payments/checkout-6d4b7c9f5-mfdcs';

/** Kinds of commands that write, or talk to a device (commands.packets.test.ts, doctor/doctor.program.test.ts). */
type OfDevices = 'Plans' | 'Applied' | 'Approved' | 'Uninstall' | 'Audit' | 'Examination';

/** A command line that prints each kind, with an answer in it, and the exit code that it ends with. */
const examples: Readonly<Record<Exclude<DocumentKind, OfDevices>, readonly [readonly string[], number]>> = {
  SelectedEndpoints: [['eval', "app == 'web'", ...SHOP], 0],
  EndpointPolicies: [['endpoint', 'shop/web', ...SHOP], 0],
  PolicyEndpoints: [['policy', 'shop/web', ...SHOP], 0],
  HostPolicies: [['host', 'node-b', ...SHOP], 0],
  Expectations: [['expect', 'src/cli/golden/failing.expect', ...SHOP], 1],
  Connections: [['connections', ...SHOP], 0],
  WorldDifference: [['diff', 'examples/shop', 'src/cli/golden/lint-world.yaml'], 2],
  Lint: [['lint', '-f', 'src/cli/golden/lint-world.yaml'], 2],
  AddressHolders: [['whois', '192.0.2.110', '--cluster', 'prod', ...SHOP], 0],
  FlowAnswer: [['flow', '--from', CHECKOUT, '--to', '198.51.100.20', '--port', '443', ...SHOP], 2],
  Rendering: [['render', ...SHOP], 0],
  Validation: [['validate', ...SHOP], 0],
  LabSummary: [['lab', '--no-packets', '--once', ...SHOP], 0],
  Version: [['version'], 0],
};

let forget: () => void;
beforeAll(() => {
  forget = rememberIn('src/cli/golden/state');
});
afterAll(() => forget());

test.each(Object.keys(examples) as (keyof typeof examples)[])('%s is printed as published', async (kind) => {
  const [words, expected] = examples[kind];
  const { code, out, err } = await command(...words, '-o', 'json');
  // What it says of a failure belongs to the failure.
  expect({ code, ...(code === expected ? {} : { err }) }).toEqual({ code: expected });
  const document: unknown = JSON.parse(out);
  expect(documentSchema(kind).safeParse(document).error?.issues).toBeUndefined();
  // An answer with empty lists would prove nothing about what stands in them.
  expect(emptyLists(document).filter((path) => !MAY_BE_EMPTY.has(path))).toEqual([]);
  expect(words[0]).toBe(printedBy[kind]);
});

/** Lists that are rightly empty in the answers above: the shop has policies for what goes out alone, logs nothing, and asks nothing that nftables cannot say. */
const MAY_BE_EMPTY: ReadonlySet<string> = new Set([
  'endpoints[].tiers[].ingress',
  'firewalls[].refusals',
  'families[].border[].hops[].evaluation.logged',
  // Workloads of the shop are meant as wholes.
  ...['connections', 'gained', 'lost'].flatMap((list) =>
    ['from', 'to'].flatMap((end) => [`${list}[].${end}.endpoints`, `${list}[].${end}.addresses`]),
  ),
  // A firewall that goes stops nothing from then on.
  'firewalls[].traffic.changes[].lost',
  'firewalls[].traffic.translations',
  'firewalls[].traffic.judgedFromNowOn',
  // Its firewalls keep rules alone; `plan-data.test.ts` has lists.
  'firewalls[].traffic.lists',
  'firewalls[].traffic.unknownDroppedFromNowOn',
  // An expectation that is met has no failures, and only what is denied has something that would change it.
  'expectations[].failures',
  'expectations[].failures[].answer.border[].hops[].evaluation.logged',
  'expectations[].failures[].answer.wouldChange',
]);

/** Paths of the lists that are empty wherever they occur. */
function emptyLists(document: unknown): readonly string[] {
  const empty = new Set<string>();
  const filled = new Set<string>();
  const walk = (value: unknown, path: string): void => {
    if (Array.isArray(value)) {
      (value.length === 0 ? empty : filled).add(path);
      for (const entry of value) walk(entry, `${path}[]`);
    } else if (typeof value === 'object' && value !== null)
      for (const [key, child] of Object.entries(value)) walk(child, path === '' ? key : `${path}.${key}`);
  };
  walk(document, '');
  return [...empty].filter((path) => !filled.has(path));
}

test('whois tells what was dropped before it was known, each time once', async () => {
  const { out } = await command('whois', '192.0.2.110', '--cluster', 'prod', ...SHOP);
  expect(out.split('\n').slice(-2)).toEqual([
    'edge-1 dropped 3 packets of shop/web-5c9c7d4b8f-2xq7k before it knew the sender, from 2026-01-05T12:00:00.000Z to 2026-01-05T12:00:07.000Z',
    'edge-2 dropped 1 packet of shop/web-5c9c7d4b8f-2xq7k before it knew the sender, from 2026-01-05T12:00:00.000Z to 2026-01-05T12:00:00.000Z; some may be of shop/cart-0',
  ]);
});
