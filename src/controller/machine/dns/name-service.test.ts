import { Buffer } from 'node:buffer';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { a, ANSWER, wire } from '../../../../test/kit/dns-wire.ts';
import { FakeClock } from '../../../../test/kit/fake-clock.ts';
import { freePort } from '../../../../test/kit/free-port.ts';
import { FACTS } from '../../../../test/kit/machine.ts';
import type { Log } from '../../../base/log.ts';
import { parseAddress } from '../../../ip/address.ts';
import { prefixOf } from '../../../ip/prefix.ts';
import { question } from '../../../machine/dns/compose.ts';
import { readMessage } from '../../../machine/dns/message.ts';
import { MOST_WANTED } from '../../../machine/dns/name-book.ts';
import { readFacts } from '../../../machine/kinds/facts.ts';
import { readFirewallSpec } from '../../../machine/kinds/firewall.ts';
import { readMachineObjects } from '../../../machine/objects.ts';
import { type DomainSet, domainSetName } from '../../../machine/rules/domain-sets.ts';
import type { MachineInput } from '../../../machine/ruleset.ts';
import { readManifestText } from '../../../sources/manifests/document.ts';
import type { KernelTable } from '../kernel-table.ts';
import { NameService } from './name-service.ts';
import { Upstream } from './upstream.ts';

const COUNT = 200;
const NAMES = Array.from({ length: COUNT }, (_, n) => `host-${n}.example.org`);
const RESOLVER = '127.0.0.9';
const endings: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});

/** A resolver that has one address for each name. Rejects where it cannot listen. */
async function resolver(port: number, asked: string[]): Promise<void> {
  const socket = createSocket('udp4');
  socket.on('message', (bytes, from) => {
    const query = readMessage(bytes);
    if (query === undefined) return;
    const { id, question } = query;
    asked.push(question.name);
    const answers = question.type === 1 ? [a(question.name, '192.0.2.1')] : [];
    socket.send(wire({ id, flags: ANSWER, question, answers }), from.port, from.address);
  });
  socket.bind(port, RESOLVER);
  await once(socket, 'listening');
  endings.push(() => socket.close());
}

/** What policies say that ask for names; the proxy listens on this machine, which is its own client. */
function inputAt(port: number, toFQDNs: readonly object[]): MachineInput {
  const subject = { object: undefined, place: {}, locate: undefined, base: [] };
  const facts = readFacts(readManifestText(FACTS, 'install.yaml').objects[0]?.raw ?? {}, subject, []);
  const policy = {
    apiVersion: 'metal-stack.io/v1',
    kind: 'ClusterwideNetworkPolicy',
    metadata: { name: 'names', namespace: 'firewall' },
    spec: { egress: [{ toFQDNs, ports: [{ protocol: 'TCP', port: 443 }] }] },
  };
  const { policies } = readMachineObjects([{ raw: policy, place: {}, locate: () => ({}), base: [] }], []);
  const here = parseAddress('127.0.0.1');
  if (here === undefined) throw new Error('127.0.0.1 is an address');
  const spec = { dnsServerAddress: RESOLVER, dnsPort: port };
  return {
    firewall: readFirewallSpec(spec, { raw: spec, path: [] }, subject, []),
    networks: facts.networks.map((network) => ({ ...network, addresses: [here], prefixes: [prefixOf(here)] })),
    policies,
    metalRules: [],
    services: [],
    semantics: 'compatible',
    namespace: 'firewall',
    resolved: undefined,
  };
}

async function world(toFQDNs: readonly object[] = NAMES.map((matchName) => ({ matchName }))) {
  const port = await freePort();
  const asked: string[] = [];
  await resolver(port, asked);
  const clock = new FakeClock();
  const lines: string[] = [];
  const line =
    (level: string) =>
    (fields: object, message: string): void =>
      void lines.push(`${level} ${message.split(';')[0] ?? ''} ${JSON.stringify(fields)}`);
  const log: Log = { debug: line('debug'), info: () => {}, warn: line('warn'), error: line('error') };
  const kernel = {
    read: () => Promise.resolve(undefined),
    hasElement: () => false,
    elementsOf: () => new Set<string>(),
    changeElements: () => Promise.reject(new Error('nft is away')),
    stop: () => {},
  } as unknown as KernelTable;
  const state = {
    everyMs: 3_600_000,
    file: '',
    read: () => Promise.resolve(undefined),
    write: () => Promise.resolve(),
  };
  const service = new NameService({ kernel, state, clock, log, wake: () => {} });
  endings.push(() => service.stop());
  return { service, clock, lines, asked, port, input: inputAt(port, toFQDNs) };
}

test('names whose rules are long in coming are told of once, with how many times, as what it is', async () => {
  const { service, clock, lines, input } = await world();
  const round = await service.begin(input);
  // No name has a set in these, so that each that is asked for waits for the next ones, which never come.
  round.settle([]);
  await expect.poll(() => NAMES.every((name) => service.addressesOf(`${name}.`, 4).size === 1)).toBe(true);
  await clock.pass(8_000);
  expect(lines).toEqual([`warn names of policies have no rules in force yet {"times":${COUNT},"waitedMs":5000}`]);
});

test('addresses that the kernel does not take are told of once, with how many times, and what the last one met with', async () => {
  const { service, clock, lines, input } = await world();
  const round = await service.begin(input);
  const sets = NAMES.map((name): DomainSet => {
    const domain = `${name}.`;
    return { name: domainSetName(domain, 'ipv4_addr'), domain, type: 'ipv4_addr', addresses: [] };
  });
  round.settle(sets);
  await expect.poll(() => NAMES.every((name) => service.addressesOf(`${name}.`, 4).size === 1)).toBe(true);
  await clock.pass(8_000);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(
    /^error addresses of names could not be let through \{"times":\d+,"problem":"Error: nft is away"\}$/,
  );
});

test('names that a pattern matches beyond the places that there are are answered, and told of once', async () => {
  const { service, clock, lines, asked, input, port } = await world([{ matchPattern: '*.example.org' }]);
  await service.begin(input);
  // Its time stands still: it asks once.
  const client = new Upstream({ address: '127.0.0.1', port }, new FakeClock());
  endings.push(() => client.stop());
  const ask = (name: string): Promise<unknown> => {
    const query = readMessage(question(0, name, 1) ?? Buffer.alloc(0));
    if (query === undefined) throw new Error(name);
    return new Promise((resolve) => client.udp(query, resolve));
  };
  // Each waits for rules, which never come.
  for (let n = 0; n < MOST_WANTED; n++) {
    void ask(`host-${n}.example.org.`);
    if (n % 100 === 99) await expect.poll(() => asked.length).toBe(n + 1);
  }
  for (let n = 0; n < 3; n++) expect(await ask(`late-${n}.example.org.`)).toBeDefined();
  await clock.pass(4_000);
  expect(lines).toEqual([
    `warn patterns of policies match more names than there are places for {"times":3,"places":${MOST_WANTED}}`,
  ]);
});

test('nobody is asked for a name before there are rules', async () => {
  const { service, clock, input, asked, port } = await world();
  await service.begin(input);
  await clock.pass(8_000);
  // What was sent before these is there before them.
  const stranger = new Upstream({ address: RESOLVER, port });
  endings.push(() => stranger.stop());
  const query = readMessage(question(0, 'last.', 1) ?? Buffer.alloc(0));
  for (let n = 0; n < 5; n++) if (query !== undefined) await new Promise((resolve) => stranger.udp(query, resolve));
  expect(asked).toEqual(Array.from({ length: 5 }, () => 'last.'));
});
