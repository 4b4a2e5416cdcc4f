import { background } from '../../../base/background.ts';
import type { Clock } from '../../../base/clock.ts';
import { elapsed } from '../../../base/elapsed.ts';
import type { Log } from '../../../base/log.ts';
import { atOnce } from '../../../base/pieces.ts';
import { Turn } from '../../../base/turns.ts';
import { type Family, formatAddress, parseAddress } from '../../../ip/address.ts';
import { PrefixSet } from '../../../ip/prefix-set.ts';
import { interestOf } from '../../../machine/dns/interest.ts';
import { MOST_WANTED, NameBook } from '../../../machine/dns/name-book.ts';
import { readStateText, stateText } from '../../../machine/dns/state-text.ts';
import { question } from '../../../machine/dns/compose.ts';
import { readMessage } from '../../../machine/dns/message.ts';
import { defaultRouteNetwork, insideOf, type Network } from '../../../machine/kinds/network.ts';
import type { DomainSet, Resolved } from '../../../machine/rules/domain-sets.ts';
import type { MachineInput } from '../../../machine/ruleset.ts';
import type { LiveTable } from '../kernel-listing.ts';
import type { KernelTable } from '../kernel-table.ts';
import { ToldSeldom } from '../told-seldom.ts';
import { Listeners, type Place } from './listeners.ts';
import { NameKeeper, type Round, RULES_MS, RulesNotYet } from './name-keeper.ts';
import type { NameState } from './name-state.ts';
import { OwnLookups } from './own-lookups.ts';
import { DnsProxy, type ProxyCounts } from './proxy.ts';
import { DEFAULT_RESOLVER, DNS_PORT, resolverOf } from './resolver-of.ts';
import { type Resolver, Upstream } from './upstream.ts';

const NAME_SERVERS = 2;
/** How often what has ended is let go. */
const STEP_MS = 1_000;
/** After a failure to listen or to reach a new resolver, how long until it is tried again. */
const RETRY_MS = 5_000;
/** What is in the kernel and not in the state was learnt by a process that died: it lives on for so long. */
const ADOPTED_MS = 60_000;
const STATE_MS = 5_000;
/**
 * What is done beside answers: so long at once, and then a rest of so many times as long. A thread that is three quarters busy with answers
 * keeps up with them beside it.
 */
const TURN_MS = 1;
const REST_TIMES = 5;
/** Senders of whom it is remembered whether they are clients. */
const MOST_ASKED = 1_000;

/** What names come to in one round of making rules. */
export interface NameRound extends Round {
  /** `undefined`: no policy speaks of names. */
  readonly resolved: Resolved | undefined;
  /** Questions can be led to the proxy: it listens. */
  readonly listens: boolean;
}

/** What became of questions, and how many addresses went into the kernel and out of it between loads. */
export type NameCounts = Readonly<ProxyCounts> & { readonly added: number; readonly removed: number };

export interface NameServiceOptions {
  readonly kernel: KernelTable;
  readonly state: NameState;
  readonly clock: Clock;
  readonly log: Log;
  /** `isDue` begins. */
  readonly wake: () => void;
  /** Hears how long a batch of addresses took on its way into the kernel. */
  readonly measure?: (ms: number) => void;
}

/** The names of policies: the proxy while there are any, what it learnt, and the way of that into the kernel and into what outlives us. */
export class NameService {
  readonly #options: NameServiceOptions;
  readonly #book = new NameBook(() => this.#refusals.note('places'));
  readonly #keeper: NameKeeper;
  readonly #proxy: DnsProxy;
  readonly #lookups: OwnLookups;
  /** What each question of anybody may bring about. */
  readonly #refusals: ToldSeldom<'rules' | 'kernel' | 'places'>;
  readonly #stop = new AbortController();
  readonly #turn: Turn;
  #upstream: Upstream | undefined;
  #listeners: Listeners | undefined;
  #clients = PrefixSet.empty;
  /** Whether those who asked lately are clients: they are few, and ask often. */
  readonly #asked = new Map<string, boolean>();
  #interest = '';
  /** What the kernel has from a process before, by set, and what the state says of it; until rules were made with it. */
  #found: { readonly elements: LiveTable['elements']; readonly known: ReadonlySet<string> } | undefined;
  #isRestored = false;
  #isRunning = false;
  /** Rules were made with what policies ask for. */
  #isSettled = false;
  #retryAt: number | undefined;
  /** The resolver that is being tried. */
  #tried: Resolver | undefined;
  #problem = '';
  #saved: { readonly file: string; readonly text: string } | undefined;
  #savedAt: number;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: NameServiceOptions) {
    this.#options = options;
    const { kernel, clock, log, wake, measure } = options;
    this.#savedAt = clock.monotonic();
    this.#turn = new Turn(clock, TURN_MS, { times: REST_TIMES, signal: this.#stop.signal });
    this.#keeper = new NameKeeper({ book: this.#book, kernel, clock, signal: this.#stop.signal, wake, measure });
    this.#proxy = new DnsProxy({
      upstream: () => (this.#upstream ??= new Upstream(DEFAULT_RESOLVER)),
      learn: (names, addresses) => this.#keeper.learn(names, addresses),
      refused: (thrown) => {
        if (thrown instanceof RulesNotYet) this.#refusals.note('rules');
        else if (!this.#stop.signal.aborted) this.#refusals.note('kernel', String(thrown));
      },
    });
    this.#refusals = new ToldSeldom(clock, (kind, times, problem) => {
      if (kind === 'places')
        log.warn(
          { times, places: MOST_WANTED },
          'patterns of policies match more names than there are places for; answers with further ones lead to closed doors until others are asked for no more. Narrow the patterns, or spell out the names that matter: these always have a place',
        );
      else if (kind === 'rules')
        log.warn(
          { times, waitedMs: RULES_MS },
          'names of policies have no rules in force yet; answers with them are refused until they have, and clients ask again. If it goes on, see why no rules come in force',
        );
      else
        log.error(
          { times, problem },
          'addresses of names could not be let through; answers with them are refused, and each further one tries it again. If it goes on, see what nft says of our table',
        );
    });
    this.#lookups = new OwnLookups({ lookUp: (name, type) => this.#proxy.lookUp(name, type), clock, log });
  }

  /** Rules have to be made though no source changed. */
  get isDue(): boolean {
    return this.#keeper.isWaiting || (this.#retryAt !== undefined && this.#options.clock.monotonic() >= this.#retryAt);
  }

  get counts(): NameCounts {
    return { ...this.#proxy.counts, ...this.#keeper.counts };
  }

  /** Addresses of a name that policies ask for, with the time of day at which each ends, in milliseconds. */
  addressesOf(domain: string, family: Family): ReadonlyMap<string, number> {
    const { clock } = this.#options;
    const shift = clock.wall() - clock.monotonic();
    return new Map([...this.#book.addresses(domain, family)].map(([address, until]) => [address, until + shift]));
  }

  /** Follows what policies ask for; rules are then made with what it gives. */
  async begin(input: MachineInput): Promise<NameRound> {
    const interest = interestOf(input.policies, input.namespace);
    const network = defaultRouteNetwork(input.networks)?.addresses[0];
    const port = input.firewall.dnsPort ?? DNS_PORT;
    const { dryRun } = input.firewall;
    const isAsked = !interest.isEmpty && network !== undefined;
    if (isAsked && !dryRun) {
      await this.#restore();
      this.#clients = clientsOf(input.networks);
      this.#asked.clear();
      const { resolver, problem } = resolverOf(input);
      if (problem !== undefined) this.#tell(problem);
      this.#turnTo(resolver);
      if (interest.key !== this.#interest) this.#book.follow(interest);
      this.#lookups.follow(interest.names);
      this.#interest = interest.key;
      await this.#listen({ address: formatAddress(network), port });
      this.#start();
    }
    const round = this.#keeper.begin();
    return {
      resolved: isAsked ? this.#book.resolved() : undefined,
      listens: isAsked && (dryRun || this.#listeners !== undefined),
      elementsOf: (sets) => {
        this.#adopt(sets);
        return round.elementsOf(sets);
      },
      fail: round.fail,
      settle: (sets) => {
        round.settle(sets);
        this.#isSettled = true;
        if (isAsked && !dryRun) this.#lookups.step();
        // Nothing leads to it any more.
        else if (sets !== undefined) this.#close();
      },
    };
  }

  /** Writes down what was learnt, and ends. The kernel keeps what it has. */
  async stop(): Promise<void> {
    this.#close();
    this.#stop.abort();
    this.#upstream?.stop();
    if (this.#isRestored) await this.#save(AbortSignal.timeout(STATE_MS));
    this.#options.kernel.stop();
  }

  #start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    background('names', this.#run(), this.#options.log);
  }

  async #run(): Promise<void> {
    const { clock, log, state } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#turn.begin();
      await this.#turn.finish(this.#keeper.compare());
      // What was learnt is then written by whoever ended it.
      if (signal.aborted) return;
      // Before there are rules, each name would wait for them.
      if (this.#isSettled) this.#lookups.step();
      this.#refusals.step();
      if (this.isDue) this.#options.wake();
      if (clock.monotonic() - this.#savedAt >= state.everyMs)
        try {
          await this.#save(signal);
        } catch (thrown) {
          log.warn({ problem: String(thrown) }, 'what was learnt of names could not be kept for the next start');
        }
      await elapsed(clock, STEP_MS, signal);
    }
  }

  /** One after the other, so that what is written last is the newest. */
  #save(signal: AbortSignal): Promise<void> {
    const saved = this.#saving.then(() => this.#write(signal));
    this.#saving = saved.catch(() => {});
    return saved;
  }

  async #write(signal: AbortSignal): Promise<void> {
    const { clock, state } = this.#options;
    this.#savedAt = clock.monotonic();
    const shift = clock.wall() - clock.monotonic();
    // A copy: a name that went elsewhere meanwhile would be written twice.
    const text = await this.#turn.finish(stateText([...this.#book.entries()], (time) => time + shift));
    const { file } = state;
    if (text === this.#saved?.text && file === this.#saved.file) return;
    await state.write(text, signal);
    this.#saved = { file, text };
  }

  /** Once, before the first rules: what was learnt before. */
  async #restore(): Promise<void> {
    if (this.#isRestored) return;
    this.#isRestored = true;
    const { clock, kernel, log, state } = this.#options;
    const shift = clock.wall() - clock.monotonic();
    const known = new Set<string>();
    try {
      const text = await state.read(AbortSignal.timeout(STATE_MS));
      for (const entry of readStateText(text ?? '', (wall) => wall - shift)) {
        for (const address of entry.addresses.keys()) known.add(`${entry.name} ${address}`);
        this.#book.restore(entry, clock.monotonic());
      }
      atOnce(this.#book.expire(clock.monotonic()));
    } catch (thrown) {
      log.warn({ problem: String(thrown) }, 'what was learnt of names before cannot be read; it is learnt anew');
    }
    const live = await kernel.read(this.#stop.signal);
    this.#found = { elements: live?.elements ?? new Map(), known };
  }

  /** What a process that died learnt last is in the kernel alone. */
  #adopt(sets: readonly DomainSet[]): void {
    const found = this.#found;
    if (found === undefined) return;
    this.#found = undefined;
    const now = this.#options.clock.monotonic();
    for (const { name, domain, type } of sets) {
      const left = [...(found.elements.get(name) ?? [])].filter((address) => !found.known.has(`${domain} ${address}`));
      const family = type === 'ipv4_addr' ? 4 : 6;
      const addresses = new Map(left.map((address) => [address, now + ADOPTED_MS]));
      this.#book.restore({ name: domain, family, addresses }, now);
    }
  }

  /** Asks another resolver from now on, once it has shown that it answers. The first one is taken as it is. */
  #turnTo(wanted: Resolver): void {
    const same = (one: Resolver | undefined): boolean => one?.address === wanted.address && one.port === wanted.port;
    if (same(this.#upstream?.resolver) || same(this.#tried)) return;
    const now = this.#upstream;
    if (now === undefined) {
      this.#upstream = new Upstream(wanted);
      return;
    }
    this.#tried = wanted;
    background('resolver', this.#try(wanted, now), this.#options.log);
  }

  async #try(wanted: Resolver, now: Upstream): Promise<void> {
    const next = new Upstream(wanted);
    const doesAnswer = await answersAtAll(next);
    this.#tried = undefined;
    if (doesAnswer && !this.#stop.signal.aborted) {
      this.#upstream = next;
      now.stop();
      return;
    }
    next.stop();
    this.#later(`the resolver ${wanted.address} does not answer; ${now.resolver.address} is asked as before`);
  }

  async #listen(place: Place): Promise<void> {
    const there = this.#listeners?.place;
    if (there?.address === place.address && there.port === place.port) {
      this.#retryAt = undefined;
      return;
    }
    try {
      const next = await Listeners.open(
        place,
        (query, client, over, reply) => this.#proxy.answer(query, client, over, reply),
        (client) => this.#isClient(client),
      );
      this.#listeners?.close();
      this.#listeners = next;
      this.#retryAt = undefined;
      this.#problem = '';
      this.#options.log.info({ ...place }, 'the DNS proxy listens');
    } catch (thrown) {
      this.#later(`the DNS proxy cannot listen on ${place.address} port ${place.port} (${String(thrown)})`);
    }
  }

  #isClient(text: string): boolean {
    const known = this.#asked.get(text);
    if (known !== undefined) return known;
    const address = parseAddress(text);
    const is = address !== undefined && this.#clients.contains(address);
    if (this.#asked.size >= MOST_ASKED) this.#asked.clear();
    this.#asked.set(text, is);
    return is;
  }

  #later(problem: string): void {
    this.#retryAt = this.#options.clock.monotonic() + RETRY_MS;
    this.#tell(problem);
  }

  #tell(problem: string): void {
    if (problem !== this.#problem) this.#options.log.error({ problem }, 'names are not resolved as they should be');
    this.#problem = problem;
  }

  #close(): void {
    this.#listeners?.close();
    this.#listeners = undefined;
    this.#retryAt = undefined;
  }
}

/** Any answer will do. */
async function answersAtAll(upstream: Upstream): Promise<boolean> {
  const bytes = question(0, '.', NAME_SERVERS);
  const query = bytes && readMessage(bytes);
  return query !== undefined && (await new Promise((resolve) => upstream.udp(query, resolve))) !== undefined;
}

/** Who may ask: the cluster, by where it sends from, and the private networks. The proxy's address may be a public one. */
function clientsOf(networks: readonly Network[]): PrefixSet {
  const inside = insideOf(networks);
  return PrefixSet.parse(['10.0.0.0/8', 'fd00::/8']).union(PrefixSet.of(inside.flatMap(({ prefixes }) => prefixes)));
}
