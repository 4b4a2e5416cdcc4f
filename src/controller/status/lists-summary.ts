import type { z } from 'zod';
import { STATUS_LIMITS } from '../../api/status.ts';
import type { listsStatus } from '../../api/status-parts.ts';
import type { ListsStanding } from '../feeds/lists-standing.ts';
import { cut, momentText } from './conditions.ts';

/** Finer times would be a write for each fetch. */
const TEN_MINUTES_MS = 600_000;

/** Who fetched what, as a status has room for it. */
export function listsSummary({ given, frozenSince, consumers, fetches }: ListsStanding): z.infer<typeof listsStatus> {
  const about = (at: number): string => momentText(Math.floor(at / TEN_MINUTES_MS) * TEN_MINUTES_MS);
  const worstFirst = consumers.toSorted((a, b) => Number(b.isLate) - Number(a.isLate) || b.behind - a.behind);
  const oldFirst = fetches.toSorted((a, b) => Number(a.isCurrent) - Number(b.isCurrent));
  const shown = worstFirst.slice(0, STATUS_LIMITS.consumers);
  const told = oldFirst.slice(0, STATUS_LIMITS.fetches);
  const more = consumers.length - shown.length + (fetches.length - told.length);
  return {
    given,
    ...(frozenSince === undefined ? {} : { frozenSince: momentText(frozenSince) }),
    consumers: shown.map(({ name, fetchedAt, isLate, current, behind }) => ({
      name: cut(name, STATUS_LIMITS.text),
      ...(fetchedAt === undefined ? {} : { fetchedAt: about(fetchedAt) }),
      late: isLate,
      current,
      behind,
    })),
    fetches: told.map(({ consumer, list, part, version, isCurrent, at }) => ({
      consumer: cut(consumer, STATUS_LIMITS.text),
      list: cut(part === 'all' ? list : `${part}/${list}`, STATUS_LIMITS.text),
      version: version.slice(0, 12),
      current: isCurrent,
      at: about(at),
    })),
    ...(more === 0 ? {} : { more }),
  };
}
