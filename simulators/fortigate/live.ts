import type { Clock } from '../../src/base/clock.ts';
import { Accounts } from './accounts.ts';
import { readAddress, readEntry } from './addresses.ts';
import { rangesHold } from './address-match.ts';
import { Device } from './device.ts';
import { Dynamic } from './dynamic.ts';
import { Feeds } from './feeds.ts';
import type { Surroundings } from './factory.ts';
import type { Model } from './models.ts';
import { type Flow, type Passage, passage } from './packet.ts';
import type { Release } from './release.ts';
import { Sessions } from './sessions.ts';
import type { Switches } from './switches.ts';

/** Where packets to a prefix leave. */
export interface Route {
  readonly vdom: string;
  /** `0.0.0.0/0` */
  readonly prefix: string;
  readonly interface: string;
}

/** What became of a packet that was sent. */
export interface Sent extends Passage {
  /** A session was there already: no rule was asked. */
  readonly established: boolean;
}

interface LiveOptions {
  readonly model: Model;
  readonly release: Release;
  readonly switches: Switches;
  readonly surroundings: Surroundings;
  readonly routes: readonly Route[];
  readonly clock: Clock;
  readonly revert: () => void;
  /** PEM of whom fetched lists are believed. */
  readonly authority: () => string | undefined;
}

/** A device that runs: its configuration, and all that a boot loses. */
export class Live {
  readonly device: Device;
  readonly accounts: Accounts;
  readonly feeds: Feeds;
  readonly dynamic: Dynamic;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly #routes: readonly Route[];

  constructor({ model, release, switches, surroundings, routes, clock, revert, authority }: LiveOptions) {
    this.clock = clock;
    this.#routes = routes;
    this.device = new Device(model, release, switches, surroundings, clock, {
      changed: () => this.feeds.follow(),
      revert,
    });
    this.accounts = new Accounts(this.device, clock);
    this.dynamic = new Dynamic(this.device);
    this.feeds = new Feeds(this.device, clock, this.dynamic, authority);
    this.sessions = new Sessions(clock);
  }

  /** What would become of the first packet of a flow. */
  passage(flow: Flow): Passage {
    const vdom = flow.vdom ?? this.device.vdoms[0] ?? 'root';
    return passage(flow, {
      configuration: this.device.running,
      vdom,
      switches: this.device.switches,
      resolved: (name) => this.dynamic.of(vdom, name),
      listed: (name) => this.feeds.accepted(vdom, name),
    });
  }

  /** Lets a packet of a flow meet the device: it opens a session, or belongs to one, and is counted. */
  send(flow: Flow, bytes = 100): Sent {
    const vdom = flow.vdom ?? this.device.vdoms[0] ?? 'root';
    const session = this.sessions.find(vdom, flow);
    const found = session?.passage ?? this.passage(flow);
    if (found.verdict !== 'deny' && session === undefined) this.sessions.open(vdom, flow, found);
    this.sessions.count(vdom, 'firewall/policy', found.policy, bytes, session === undefined);
    if (found.centralSnat !== 0)
      this.sessions.count(vdom, 'firewall/central-snat-map', found.centralSnat, bytes, session === undefined);
    return { ...found, established: session !== undefined };
  }

  /** The interface by which packets to an address leave: the longest prefix counts. */
  routeTo(vdom: string, destination: string): string | undefined {
    const address = readAddress(destination);
    if (address === undefined) return undefined;
    const found = this.#routes
      .filter((route) => route.vdom === vdom)
      .map((route) => ({ route, range: readEntry(route.prefix) }))
      .filter(({ range }) => range !== undefined && rangesHold([range], address))
      .toSorted((a, b) => Number(b.route.prefix.split('/')[1]) - Number(a.route.prefix.split('/')[1]));
    return found[0]?.route.interface;
  }

  /** What a boot with this firmware leaves of it all. */
  boot(release: Release): void {
    this.accounts.endSessions();
    this.sessions.boot();
    this.dynamic.boot();
    this.device.boot(release);
    this.feeds.boot();
  }

  stop(): void {
    this.feeds.stop();
    this.device.transactions.endAll();
  }
}
