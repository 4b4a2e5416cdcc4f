import type { Server } from 'node:https';
import { type Clock, systemClock } from '../../base/clock.ts';
import { SallyportError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import type { Configuration } from '../../controller/configuration/configuration.ts';
import type { Feeds } from '../../controller/feeds/feeds.ts';
import type { Secret } from '../../controller/configuration/feeds-configuration.ts';
import { WatchedFile } from '../../kubernetes/watched-file.ts';
import type { FeedConsumer, SecretText } from './consumers.ts';
import { serveFeeds } from './feeds.ts';

/** Gives lists out as the configuration says; of the firewalls that this process keeps. Resolves once it listens. */
export function openFeeds(
  configured: Configuration['feeds'] & {},
  feeds: Feeds,
  log: Log,
  clock: Clock = systemClock,
): Promise<Server> {
  const consumers = configured.consumers.map(({ auth, ...consumer }): FeedConsumer => {
    if (auth.kind === 'Bearer') return { ...consumer, auth: { kind: 'Bearer', token: textOf(auth.token, clock) } };
    if (auth.kind === 'Certificate') return { ...consumer, auth };
    const [username, password] = [textOf(auth.username, clock), textOf(auth.password, clock)];
    return { ...consumer, auth: { kind: 'Basic', username, password } };
  });
  return serveFeeds(configured, { tls: configured.tls, consumers, feeds, log, clock });
}

/** What the file holds now, without the line end that editors leave. Rejects while it is empty: it is being replaced, or somebody emptied it. */
function textOf(secret: Secret, clock: Clock): SecretText {
  if ('text' in secret) return () => Promise.resolve(secret.text);
  const file = new WatchedFile(secret.file, clock);
  return async () => {
    const text = (await file.text()).trim();
    if (text === '') throw new SallyportError('CONFIG_SECRET', `${secret.file} is empty`);
    return text;
  };
}
