import { z } from 'zod';
import { deadline } from '../../base/deadline.ts';
import type { EndpointId } from '../../inventory/model.ts';

/** Whether a firewall has confirmed a pod, as one copy asks another. */
export interface HolderQuestion {
  readonly endpoint: EndpointId;
  readonly firewall: string;
  /** Addresses that the firewall sees of the pod, with the class that each is to be in; by address. */
  readonly at: readonly (readonly [address: string, classId: string])[];
}

const DEADLINE_MS = 2_000;
const LONGEST = 16_384;
const answer = z.object({ ready: z.boolean() });

/** The question as a path with its query, as `serveReadiness` understands it. */
export function pathOfQuestion({ endpoint, firewall, at }: HolderQuestion): string {
  const query = new URLSearchParams({ firewall });
  for (const [address, classId] of at) query.append('at', `${address} ${classId}`);
  return `/v1/pods/${endpoint.slice(endpoint.indexOf(':') + 1)}/border?${query.toString()}`;
}

/** The question that a query asks about a pod; `undefined`: it is none. */
export function readQuestion(endpoint: EndpointId, query: URLSearchParams): HolderQuestion | undefined {
  const firewall = query.get('firewall');
  const at = query.getAll('at').map((text) => text.split(' '));
  if (firewall === null || at.length === 0 || at.length > 100 || at.some((parts) => parts.length !== 2))
    return undefined;
  return { endpoint, firewall, at: at.map(([address = '', classId = '']) => [address, classId] as const) };
}

/** Asks the copy that keeps a firewall. No answer, a late one and one that cannot be read are no. */
export async function askOverHttp(base: string, question: HolderQuestion, signal: AbortSignal): Promise<boolean> {
  // What is written into a Lease is asked only where a copy of ours can be.
  if (!URL.canParse(base) || new URL(base).protocol !== 'http:') return false;
  using limited = deadline(signal, DEADLINE_MS, 'API_UNREACHABLE');
  try {
    const response = await fetch(new URL(pathOfQuestion(question), base), {
      signal: limited.signal,
      redirect: 'error',
    });
    return response.ok && answer.parse(JSON.parse(await textOf(response))).ready;
  } catch {
    return false;
  }
}

/** Throws where it is longer than any answer of ours: no more of it is read then. */
async function textOf(response: Response): Promise<string> {
  const body: AsyncIterable<Uint8Array> | null = response.body;
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    if (length > LONGEST) throw new RangeError('the answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
