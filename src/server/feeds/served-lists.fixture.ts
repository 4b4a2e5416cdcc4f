import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { Authority, type Issued } from '../../../test/kit/certificates.ts';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { type Log, silentLog } from '../../base/log.ts';
import type { ConfiguredConsumer } from '../../controller/configuration/feeds-configuration.ts';
import { Feeds } from '../../controller/feeds/feeds.ts';
import { FeedStore } from '../../firewalls/feed/feed-store.ts';
import { Publication } from '../../firewalls/feed/publication.ts';
import { openFeeds } from './open-feeds.ts';

export const PATH = '/lists/payments.txt';
export const TEXT = '10.0.0.1\n';

/** One list of one firewall over HTTPS, and whoever asks for it. */
export class ServedLists implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'sallyport-served-lists-'));
  readonly authority = new Authority(this.folder, 'feed CA');
  readonly server = this.authority.issue('/CN=feeds', { names: 'IP:127.0.0.1' });
  readonly clock = new FakeClock(Date.now());
  readonly feeds = new Feeds({ clock: this.clock });
  readonly publication: Publication;
  readonly #agents: Agent[] = [];
  #running: Server | undefined;

  constructor() {
    const owner = { cluster: 'lab', firewall: 'edge-1' };
    this.publication = new Publication(new FeedStore(join(this.folder, 'lists'), owner), this.clock);
    this.feeds.give('edge-1', { owner, publication: this.publication, holds: () => true });
    this.feeds.confirmed('edge-1');
  }

  async listen(
    auths: readonly ConfiguredConsumer['auth'][],
    clientCA?: string,
    log: Log = silentLog,
    port = 0,
  ): Promise<this> {
    const resource = 'AddressGroup/payments';
    await this.publication.put({ name: 'payments', resource, use: 'Allow', addresses: { 4: ['10.0.0.1'], 6: [] } });
    const consumers = auths.map((auth, at) => ({ name: `consumer-${at}`, firewall: 'edge-1', auth }));
    const { certificateFile: cert, keyFile: key } = this.server;
    const tls = { cert, key, ...(clientCA === undefined ? {} : { clientCA }) };
    this.#running = await openFeeds({ host: '127.0.0.1', port, tls, consumers }, this.feeds, log, this.clock);
    return this;
  }

  get port(): number {
    const address = this.#running?.address() as AddressInfo | undefined;
    return address?.port ?? 0;
  }

  /** Keeps its one connection as long as the server does. */
  agent(shows?: Issued): Agent {
    const identity = shows === undefined ? {} : { cert: shows.certificate, key: shows.key };
    const agent = new Agent({ connections: 1, connect: { ca: this.authority.certificate, ...identity } });
    this.#agents.push(agent);
    return agent;
  }

  /** Status and text. */
  async get(agent: Agent, headers: Readonly<Record<string, string>> = {}, path = PATH): Promise<string> {
    const { statusCode, body } = await request(`https://127.0.0.1:${this.port}${path}`, { dispatcher: agent, headers });
    return `${statusCode} ${await body.text()}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.destroy()));
    const running = this.#running;
    running?.closeAllConnections();
    if (running !== undefined) await new Promise((resolve) => running.close(resolve));
    rmSync(this.folder, { recursive: true });
  }
}
