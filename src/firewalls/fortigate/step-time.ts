/** What reading everything back takes beside the writes of a step. */
const READINGS = 60;
/** Most operations are one request; a service or an IPv6 rule takes a few. */
const REQUESTS_OF_OPERATION = 2;
/** A device that writes is slower than one that is read. */
const RESERVE = 3;
const LEAST_MS = 10_000;
/** Longer than that nobody else should find what we wrote to locked. */
const MOST_MS = 600_000;

/** How long a step may take on a device whose answers take so long, in milliseconds. */
export function stepMs(operations: number, answerMs: number): number {
  const requests = REQUESTS_OF_OPERATION * operations + READINGS;
  return Math.min(MOST_MS, Math.max(LEAST_MS, Math.ceil(RESERVE * requests * answerMs)));
}
