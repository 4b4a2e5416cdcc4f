import type { Clock } from '../base/clock.ts';
import { elapsed } from '../base/elapsed.ts';
import { SallyportError } from '../base/error.ts';
import { isLoopback } from '../base/loopback.ts';
import type { Log } from '../base/log.ts';
import type { Configuration } from '../controller/configuration/configuration.ts';
import { ToldOnce } from '../controller/machine/told-once.ts';
import type { RunOptions } from './options.ts';
import { FollowedListener } from '../server/followed-listener.ts';
import { isWithinMachine, type Probed, serveProbes } from '../server/probes.ts';
import { serveQueries } from '../server/queries.ts';

/** How often the configuration is looked at. */
const LOOK_MS = 1_000;

/** Where a firewall machine listens; absent: nowhere. */
type Wish = Pick<Configuration, 'probes' | 'queries'>;

/**
 * The probes and queries of a firewall machine, where its configuration says now. One that cannot listen there is told once, tried again, and serves
 * where it did before, if anywhere: no machine stays without rules for that. In a VRF, where today's unit has it run, there may be no loopback address.
 */
export class MachineListeners {
  readonly #wish: () => Wish;
  readonly #clock: Clock;
  readonly #probes: FollowedListener<NonNullable<Wish['probes']>>;
  readonly #queries: FollowedListener<NonNullable<Wish['queries']>>;
  readonly #told: ToldOnce<'probes' | 'queries'>;

  constructor(options: {
    readonly wish: () => Wish;
    readonly probed: Probed;
    readonly clock: Clock;
    readonly log: Log;
  }) {
    const { wish, probed, clock, log } = options;
    this.#wish = wish;
    this.#clock = clock;
    // Nothing translates who comes to a firewall machine itself, other than to a node of a cluster.
    this.#probes = new FollowedListener((address) =>
      serveProbes(address, probed, ({ socket }) => isWithinMachine(socket.remoteAddress, socket.localAddress)),
    );
    this.#queries = new FollowedListener((address) =>
      serveQueries(address, probed, { tls: address.tls, access: undefined }, log),
    );
    this.#told = new ToldOnce({
      failed: (listener, { code, message }) =>
        log.error(
          { code, listener, problem: message },
          'it cannot listen where it is to; where it did before it still does',
        ),
      mended: (listener) => log.info({ listener }, 'it listens where it is to again'),
    });
  }

  /** Follows the configuration until the signal aborts; what listens goes on. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#told.try('probes', () => this.#probes.follow(this.#wish().probes), signal);
      await this.#told.try('queries', () => this.#queries.follow(this.#queriesWish()), signal);
      await elapsed(this.#clock, LOOK_MS, signal);
    }
  }

  async close(): Promise<void> {
    await this.#probes.close();
    await this.#queries.close();
  }

  /** To this machine alone: its base rules let nobody else in, and there may be no cluster that says who may ask. */
  #queriesWish(): Wish['queries'] {
    const { queries } = this.#wish();
    return queries !== undefined && isLoopback(queries.host) ? queries : undefined;
  }
}

/** Where today's controller listens where nothing is said (metal-stack reference, 3.1). */
const TODAYS_METRICS = ':8080';

/** Where a machine is to listen: as its configuration says, else as the command line does. Throws CONFIG_VALUE for what is no address. */
export function listenersWish({
  metricsAddr,
  asToday = false,
}: Pick<RunOptions, 'metricsAddr' | 'asToday'>): (configuration: Wish) => Wish {
  const said = listenAddress(metricsAddr);
  const todays = asToday && metricsAddr === undefined ? listenAddress(TODAYS_METRICS) : undefined;
  // Whoever says where queries are served wants nothing else at their port.
  return ({ probes, queries }) => ({ probes: probes ?? said ?? (queries === undefined ? todays : undefined), queries });
}

/** As Go writes where to listen: `:8080`, `127.0.0.1:8080`, `[::1]:8080`; `0` is nowhere. */
function listenAddress(text: string | undefined): { readonly host: string; readonly port: number } | undefined {
  if (text === undefined || text === '' || text === '0') return undefined;
  const [, host = '', port = ''] = /^(?:\[?([^[\]]*?)\]?):(\d{1,5})$/.exec(text) ?? [];
  if (port === '' || Number(port) > 65_535)
    throw new SallyportError('CONFIG_VALUE', `--metrics-addr ${text} is no address; write HOST:PORT or :PORT`);
  return { host: host === '' ? '::' : host, port: Number(port) };
}
