import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Feeds } from './feeds.ts';

const LOOK_MS = 60_000;

/** Tells once of each consumer that fetches nothing for long, and once when it is back. Gives the end of it. */
export function tellLateConsumers(feeds: Pick<Feeds, 'standings'>, clock: Clock, log: Log): () => void {
  const late = new Set<string>();
  const look = (): void => {
    for (const [firewall, { consumers }] of feeds.standings())
      for (const { name: consumer, isLate, fetchedAt } of consumers) {
        const key = JSON.stringify([firewall, consumer]);
        if (isLate === late.has(key)) continue;
        if (isLate) late.add(key);
        else late.delete(key);
        const last = fetchedAt === undefined ? {} : { last: new Date(fetchedAt).toISOString() };
        if (isLate) log.warn({ firewall, consumer, ...last }, 'a consumer has not fetched its lists for an hour');
        else log.info({ firewall, consumer }, 'a consumer fetches its lists again');
      }
    cancel = clock.after(LOOK_MS, look);
  };
  let cancel = clock.after(LOOK_MS, look);
  return () => cancel();
}
