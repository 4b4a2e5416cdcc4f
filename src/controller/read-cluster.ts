import type { Clock } from '../base/clock.ts';
import { isCertificateCode } from '../base/connection-error.ts';
import { type SallyportError, toSallyportError } from '../base/error.ts';
import type { Log } from '../base/log.ts';
import type { ApiClient } from '../kubernetes/api-client.ts';
import { KubernetesSource } from '../sources/kubernetes/kubernetes-source.ts';
import type { Delivery, ResourceChange } from '../sources/source.ts';

/** A cluster that does not show its whole state in this time is not waited for any longer by a command. */
const PATIENCE_MS = 60_000;
/** After a right was found to be missing, so long for the next one that is missing too. */
const OTHERS_MS = 1_000;
const PROGRESS_MS = 1_000;
/** The same words are told again so many times more seldom. */
const SAME_WORDS = 10;

export interface ReadClusterOptions {
  /** Of the source, in log lines. */
  readonly name: string;
  readonly api: ApiClient;
  readonly clock: Clock;
  readonly log: Log;
  /** Told once a second while it is read, and every ten seconds where there is nothing new. */
  readonly progress: (text: string) => void;
}

/**
 * Reads a cluster once, whole: everything that it delivered, as one. The state is `loading` where it did not show all: a right is
 * missing, or it did not answer in time; diagnostics tell. Throws `API_UNAUTHORIZED`, `API_CREDENTIALS`, and `API_UNREACHABLE` where the server's
 * certificate is not believed.
 */
export async function readCluster({ name, api, clock, log, progress }: ReadClusterOptions): Promise<Delivery> {
  const stop = new AbortController();
  const changes: ResourceChange[] = [];
  let last: Omit<Delivery, 'changes'> = {
    state: { kind: 'loading', reason: 'the cluster did not answer in time' },
    diagnostics: [],
  };
  let said = '';
  let again = 0;
  const tell = (): void => {
    const waitsFor = last.state.kind === 'loading' ? [last.state.reason] : [];
    // Few objects are told with the last of them only.
    const read = changes.length === 0 ? [] : [`${changes.length} objects so far`];
    const text = `reading the cluster: ${[...read, ...waitsFor].join('; ')}`;
    again = text === said ? again + 1 : 0;
    if (again % SAME_WORDS === 0) progress(text);
    said = text;
    cancelTelling = clock.after(PROGRESS_MS, tell);
  };
  let cancelTelling = clock.after(PROGRESS_MS, tell);
  const cancelPatience = clock.after(PATIENCE_MS, () => stop.abort());
  let forbidden = 0;
  let cancelOthers = (): void => {};
  const source = new KubernetesSource({ name, api, clock, log });
  let hopeless: SallyportError | undefined;
  const knocking = hopelessness(api, stop.signal).then((error) => {
    hopeless = error;
    if (error !== undefined) stop.abort();
  });
  try {
    await source.run((delivery) => {
      for (const change of delivery.changes) changes.push(change);
      last = delivery;
      // A right that is missing now is missing in a minute, too.
      const now = delivery.diagnostics.filter(({ code }) => code === 'CLUSTER_KIND_FORBIDDEN').length;
      if (now > forbidden) {
        cancelOthers();
        cancelOthers = clock.after(OTHERS_MS, () => stop.abort());
      }
      forbidden = now;
      if (delivery.state.kind === 'complete') stop.abort();
    }, stop.signal);
  } finally {
    cancelTelling();
    cancelPatience();
    cancelOthers();
    stop.abort();
    await knocking;
  }
  if (hopeless !== undefined) throw hopeless;
  return { ...last, changes };
}

/** Why no waiting helps: whom the server does not let in, and what is not believed to be the server, is told at once. */
async function hopelessness(api: ApiClient, signal: AbortSignal): Promise<SallyportError | undefined> {
  try {
    await api.call({ method: 'GET', path: '/version' }, signal);
    return undefined;
  } catch (thrown) {
    const error = toSallyportError(thrown);
    const { cause } = error.details;
    const isOfPeople = error.code === 'API_UNAUTHORIZED' || error.code === 'API_CREDENTIALS';
    return isOfPeople || (typeof cause === 'string' && isCertificateCode(cause)) ? error : undefined;
  }
}
