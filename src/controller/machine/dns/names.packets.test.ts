import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FirewallMachine } from '../../../../test/kit/firewall-machine.ts';
import { FACTS } from '../../../../test/kit/machine.ts';
import { tries } from '../../../../test/kit/runs.ts';

const KIT = join(import.meta.dirname, '../../../../test/kit');
const MAIN = join(import.meta.dirname, '../../../cli/main.ts');
/** As many as are promised never to fail; more in `npm run test:thorough`. */
const CONNECTIONS = tries(1_000).numRuns;
/** A client that makes a thousand connections takes seconds, on a busy machine many. */
const CLIENT_MS = 250_000;
const PROXY = '198.51.100.2';
const words = (...program: readonly string[]): readonly string[] => ['--import', 'tsx', ...program];

/** Until a controller writes this in its log. Whoever asks it before soon hears nothing: the kernel says seldom that nobody listens. */
async function saysSo({ stdout }: ChildProcess, message: string): Promise<void> {
  if (stdout === null) throw new Error('its log cannot be read');
  for await (const line of createInterface(stdout)) if (line.includes(`"msg":"${message}"`)) break;
  stdout.resume();
}

interface Trial {
  readonly passed: number;
  readonly failed: readonly string[];
  /** First packets of connections that nothing answered, so that the kernel sent them again. */
  readonly resent: number;
}

describe('names of policies, resolved by a real client', () => {
  let world: FirewallMachine;
  let server: ChildProcess;
  let folder: string;
  let controller: ChildProcess | undefined;

  beforeAll(async () => {
    world = await FirewallMachine.open();
    // Whatever the server gives is an address of the internet.
    await world.internet.namespace.ip('route add local 100.64.0.0/16 dev lo');
    await world.machine.ip('route add 100.64.0.0/16 via 198.51.100.9');
    for (const address of ['0.0.0.0', '::']) await world.internet.listenTcp(address, 443);
    server = world.internet.namespace.start(process.execPath, words(join(KIT, 'dns-server.ts'), '198.51.100.9', '53'));
    if (server.stdout !== null) await once(server.stdout, 'data');
  });
  afterAll(async () => {
    server.kill('SIGKILL');
    await world.close();
  });
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sallyport-names-test-'));
    mkdirSync(join(folder, 'nftables'));
    // The cluster sends from IPv6 too.
    const facts = FACTS.replace('prefixes: [10.0.0.0/22]', 'prefixes: [10.0.0.0/22, "2001:db8:42::/64"]');
    writeFileSync(join(folder, 'install.yaml'), facts);
    await world.load('');
  });
  afterEach(async () => {
    await stop('SIGTERM');
    rmSync(folder, { recursive: true, force: true });
  });

  function configure(...domains: readonly string[]): void {
    configureAt(undefined, ...domains);
  }

  /** `port`: the Firewall's `dnsPort`. */
  function configureAt(port: number | undefined, ...domains: readonly string[]): void {
    const fqdns = domains.map((domain) =>
      domain.includes('*') ? `{ matchPattern: "${domain}" }` : `{ matchName: ${domain} }`,
    );
    writeFileSync(
      join(folder, 'config.yaml'),
      `name: fw-1
sources:
  static:
    firewall: { dnsServerAddress: 198.51.100.9${port === undefined ? '' : `, dnsPort: ${port}`} }
    cwnp: { egress: [{ toFQDNs: [${fqdns.join(', ')}], ports: [{ protocol: TCP, port: 443 }] }] }
controllers: { firewall: { source: static }, cwnp: { source: static } }
machine: { facts: ./install.yaml, rules: ./nftables/firewall-controller.v4, base: ./nftables/rules, names: ./state/fqdnstate.yaml }
`,
    );
  }

  async function start(): Promise<void> {
    controller = world.machine.start(
      process.execPath,
      words(MAIN, 'run', '--log', 'json', '-c', join(folder, 'config.yaml')),
    );
    await saysSo(controller, 'rules in force');
    await expect.poll(answers, { timeout: 20_000 }).toBe(true);
  }

  async function stop(signal: NodeJS.Signals): Promise<void> {
    const child = controller;
    controller = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  async function client(options: object): Promise<Trial> {
    const asked = JSON.stringify({ server: PROXY, port: 443, times: 1, ...options });
    const program = [join(KIT, 'name-client.mjs'), asked];
    const { stdout, stderr } = await world.cluster.namespace.run(process.execPath, program, { timeoutMs: CLIENT_MS });
    if (stdout === '') throw new Error(stderr);
    return JSON.parse(stdout) as Trial;
  }

  async function answers(): Promise<boolean> {
    const { failed } = await client({ names: ['probe.example.org'] });
    return failed[0]?.endsWith('ENOTFOUND') === true;
  }

  const passes = (to: string) => world.cluster.tcp({ from: '10.0.0.10', to, port: 443 });
  const rules = (): Promise<string> => world.machine.must('nft', ['list', 'table', 'inet', 'firewall']);
  const all = (passed: number): Trial => ({ passed, failed: [], resent: 0 });

  test(`the first connection after the answer succeeds, ${CONNECTIONS} times of ${CONNECTIONS}`, async () => {
    configure('rotate.example.org');
    await start();
    expect(await client({ names: ['rotate.example.org'], times: CONNECTIONS, together: 8 })).toEqual(all(CONNECTIONS));
    expect((await client({ names: ['other.wild.example.org'] })).failed[0]).toMatch(/ dropped$/);
  });

  test('so does that to names nobody has asked for before, of a pattern', async () => {
    configure('*.wild.example.org');
    await start();
    expect(await client({ names: ['#.wild.example.org'], times: 100, together: 4 })).toEqual(all(100));
  });

  test('questions to well-known resolvers, and to the one that the Firewall names, are led to the proxy', async () => {
    configure('rotate.example.org');
    await start();
    for (const server of ['8.8.8.8', '1.1.1.1', '198.51.100.9'])
      expect(await client({ server, names: ['rotate.example.org'], times: 5 }), server).toEqual(all(5));
  });

  test('at a port of its own, questions to other resolvers are led to it as well', async () => {
    const kit = words(join(KIT, 'dns-server.ts'), '198.51.100.9', '5353');
    const second = world.internet.namespace.start(process.execPath, kit);
    try {
      if (second.stdout !== null) await once(second.stdout, 'data');
      configureAt(5353, 'rotate.example.org');
      controller = world.machine.start(
        process.execPath,
        words(MAIN, 'run', '--log', 'json', '-c', join(folder, 'config.yaml')),
      );
      await saysSo(controller, 'rules in force');
      const ask = (server: string) => client({ server, names: ['rotate.example.org'], times: 5 });
      await expect.poll(() => ask(`${PROXY}:5353`), { timeout: 20_000 }).toEqual(all(5));
      for (const server of ['8.8.8.8', '198.51.100.9']) expect(await ask(server), server).toEqual(all(5));
    } finally {
      second.kill('SIGKILL');
    }
  });

  test('aliases open the way to every name on it, told whole or in part; loops lead nowhere', async () => {
    configure('alias.example.org', 'h*.example.org', 'round.example.org');
    await start();
    expect(await client({ names: ['alias.example.org'], times: 10 })).toEqual(all(10));
    expect((await client({ names: ['round.example.org'] })).passed).toBe(0);
    // The client asks for the rest of the way itself; by then the way is open.
    expect((await passes('100.64.255.1')).outcome).not.toBe('passed');
    await client({ names: ['half.example.org'] });
    expect((await passes('100.64.255.1')).outcome).toBe('passed');
  });

  test('the name at the end of an alias is open by the alias alone', async () => {
    configure('target.example.net');
    await start();
    expect(await client({ names: ['alias.example.org'] })).toEqual(all(1));
    expect((await client({ names: ['rotate.example.org'] })).failed[0]).toMatch(/ dropped$/);
  });

  test('answers too long for a datagram come over TCP, with every address let through; IPv6 too', async () => {
    configure('big.example.org', 'six.example.org');
    await start();
    expect(await client({ names: ['big.example.org'], times: 20 })).toEqual(all(20));
    expect(await client({ names: ['six.example.org'], family: 6, times: 3 })).toEqual(all(3));
  });

  test('what a forger sends is not looked at, and a resolver that is silent opens nothing', async () => {
    configure('forged.example.org', 'deaf.example.org');
    await start();
    expect(await client({ names: ['forged.example.org'], times: 5 })).toEqual(all(5));
    expect((await passes('100.64.200.66')).outcome).not.toBe('passed');
    expect((await client({ names: ['deaf.example.org'], asks: 1 })).passed).toBe(0);
  });

  test('an address is let go when its time is over, and a name that is spelt out keeps those that are still its own', async () => {
    configure('b*.example.org');
    await start();
    expect(await client({ names: ['brief.example.org'] })).toEqual(all(1));
    expect((await passes('100.64.255.1')).outcome).toBe('passed');
    await expect.poll(async () => (await passes('100.64.255.1')).outcome, { timeout: 30_000 }).not.toBe('passed');
    expect(await client({ names: ['brief.example.org'] })).toEqual(all(1));
    configure('brief.example.org');
    await expect.poll(() => rules(), { timeout: 10_000 }).toContain('fqdn: brief.example.org');
    await new Promise((resolve) => setTimeout(resolve, 14_000));
    expect((await passes('100.64.255.1')).outcome).toBe('passed');
  });

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'what was learnt outlives %s, and nothing opens meanwhile',
    async (signal) => {
      configure('rotate.example.org');
      await start();
      expect(await client({ names: ['rotate.example.org'], times: 20 })).toEqual(all(20));
      const known = (await rules()).match(/100\.64\.\d+\.\d+/g) ?? [];
      await stop(signal);
      expect((await client({ names: ['rotate.example.org'], asks: 1 })).failed[0]).toMatch(/ECONNREFUSED|ETIMEOUT/);
      for (const address of known) expect((await passes(address)).outcome, address).toBe('passed');
      expect((await passes('100.64.99.99')).outcome).not.toBe('passed');
      // As after the power went: the table comes from the file, the rest from the state.
      if (signal === 'SIGTERM') await world.load('');
      await start();
      for (const address of known) expect((await passes(address)).outcome, address).toBe('passed');
      expect(await client({ names: ['rotate.example.org'], times: 5 })).toEqual(all(5));
    },
  );

  test('policies that come and go take nothing from the names that stay', async () => {
    configure('rotate.example.org');
    await start();
    const under = client({ names: ['rotate.example.org'], times: 400, together: 2 });
    for (let n = 0; n < 8; n++) {
      configure('rotate.example.org', ...(n % 2 === 0 ? ['alias.example.org', '*.wild.example.org'] : []));
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    expect(await under).toEqual(all(400));
    const known = (await rules()).match(/100\.64\.\d+\.\d+/g) ?? [];
    expect(known.length).toBeGreaterThan(100);
    for (const address of known.slice(0, 20)) expect((await passes(address)).outcome).toBe('passed');
  });

  test('somebody who empties a set by hand is put right', async () => {
    configure('brief.example.org');
    await start();
    expect(await client({ names: ['brief.example.org'] })).toEqual(all(1));
    const set = /set (\w+) \{\s+type ipv4_addr\s+elements/.exec(await rules())?.[1] ?? '';
    await world.machine.must('nft', ['flush', 'set', 'inet', 'firewall', set]);
    await expect.poll(() => rules(), { timeout: 20_000 }).toContain('100.64.255.1');
    expect(await client({ names: ['rotate.example.org', 'brief.example.org'], times: 2 })).toMatchObject({ passed: 1 });
  });
});
