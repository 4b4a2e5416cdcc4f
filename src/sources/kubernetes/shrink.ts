/** They come and go under other names all the time. */
const TURNOVER: ReadonlySet<string> = new Set(['Pod', 'WorkloadEndpoint', 'EndpointSlice']);
const FEW = 4;

/**
 * Whether a list lacks so much of what was known, without any deletion having been told, that it is taken for ignorance: all of it, or half
 * and more of four objects or more. Pods and what is made for them get other names whenever they are made anew; there the numbers count.
 */
export function isShrunk(type: string, before: number, now: number, missing: number): boolean {
  if (before === 0) return false;
  if (now === 0) return true;
  return before >= FEW && (TURNOVER.has(type) ? now * 2 <= before : missing * 2 >= before);
}
