import { SallyportError } from '../../../base/error.ts';
import type { ManagedFirewall } from './managed.ts';

/**
 * What a refusal means where a firewall went away meanwhile: what was planned with it is void, and the others are planned for anew at once. In which words
 * Panorama refuses to hand something on the reference does not say, so it is asked who is there.
 */
export async function unlessGone(
  thrown: unknown,
  before: readonly ManagedFirewall[],
  now: () => Promise<readonly ManagedFirewall[]>,
): Promise<unknown> {
  if (!(thrown instanceof SallyportError) || thrown.blame !== 'rejected') return thrown;
  // Where nobody answers that, what was refused is what people have to know.
  const found = await now().catch(() => before);
  const there = new Set(found.filter(({ connected }) => connected).map(({ key }) => key));
  const gone = before.find(({ key, connected }) => connected && !there.has(key));
  if (gone === undefined) return thrown;
  return new SallyportError('DEVICE_CHANGED', `${gone.title} is not connected to Panorama any more: ${thrown.message}`);
}
