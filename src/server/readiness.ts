import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Controller } from '../controller/controller.ts';
import type { PodStanding } from '../controller/readiness/readiness.ts';
import { type HolderQuestion, readQuestion } from '../controller/readiness/holders.ts';
import { formatAddress, parseAddress } from '../ip/address.ts';
import { type ListenAddress, answer as answerText, listening, requestLimits } from './listening.ts';

/** What is asked about pods. */
export interface PodsAsked {
  /** Resolves as soon as the pod of this name and uid may start, else after `ms` or with the signal. */
  whenReady(namespace: string, name: string, uid: string, ms: number, signal: AbortSignal): Promise<PodStanding>;
  /** For other copies: whether a firewall of this one has confirmed what is asked about. */
  holds(question: HolderQuestion): boolean;
  /** Canonical texts of what the pod has now. */
  addressesOf(namespace: string, name: string): readonly string[];
}

/** A controller as the one who is asked. */
export function podsOf({ world, readiness }: Pick<Controller, 'world' | 'readiness'>): PodsAsked {
  return {
    whenReady: (namespace, name, uid, ms, signal) => readiness.whenReady(`pod:${namespace}/${name}`, uid, ms, signal),
    holds: (question) => readiness.holds(question),
    addressesOf: (namespace, name) =>
      (world.engine.endpoints.get(`pod:${namespace}/${name}`)?.addresses ?? []).map(formatAddress),
  };
}

/** Those who wait at one time; more are asked to come back. */
const MOST_WAITING = 5_000;
/** Those of one address: a pod that asks for many shall not stand in the way of all others. Pods behind one address take turns. */
const MOST_OF_ONE = 64;
/** The longest that one answer is held back: proxies end what is silent for longer. */
const LONGEST_MS = 25_000;

const PATH = /^\/v1\/pods\/([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)\/([a-z0-9.-]{1,253})\/border$/;

/**
 * `GET /v1/pods/NAMESPACE/NAME/border?uid=UID&wait=20`: whether the border holds the addresses of the pod with this uid, held back for so many
 * seconds until it does. For `sallyport wait` in init containers. With `firewall` another copy asks whether this one has confirmed the pod there.
 * Anybody in the cluster may ask; details go to the pod itself alone, told by its address. A forged answer lets a pod start early, and then
 * the border drops what it sends; it opens nothing. Resolves once it listens.
 */
export async function serveReadiness(address: ListenAddress, pods: PodsAsked): Promise<Server> {
  let waiting = 0;
  const waitingOf = new Map<string, number>();
  const answerOne = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method !== 'GET') return answer(response, 405, { message: 'only GET' });
    const url = new URL(request.url ?? '/', 'http://localhost');
    const [, namespace, , name] = PATH.exec(url.pathname) ?? [];
    if (namespace === undefined || name === undefined)
      return answer(response, 404, { message: 'known here: /v1/pods/NAMESPACE/NAME/border' });
    if (url.searchParams.has('firewall')) {
      const question = readQuestion(`pod:${namespace}/${name}`, url.searchParams);
      if (question === undefined) return answer(response, 400, { message: 'this is not how copies ask each other' });
      return answer(response, 200, { ready: pods.holds(question) });
    }
    const uid = url.searchParams.get('uid') ?? '';
    if (!/^[A-Za-z0-9-]{1,64}$/.test(uid)) return answer(response, 400, { message: 'uid=UID of the pod is missing' });
    if (waiting >= MOST_WAITING) {
      response.setHeader('retry-after', '2');
      return answer(response, 503, { message: 'too many pods wait; come back' });
    }
    const from = request.socket.remoteAddress ?? '';
    const ofOne = waitingOf.get(from) ?? 0;
    if (ofOne >= MOST_OF_ONE) {
      response.setHeader('retry-after', '2');
      return answer(response, 503, { message: 'too many wait at your address; come back' });
    }
    const seconds = Number(url.searchParams.get('wait') ?? '0');
    const ms = Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1_000, LONGEST_MS) : 0;
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    waiting += 1;
    waitingOf.set(from, ofOne + 1);
    try {
      const { ready, message, firewalls } = await pods.whenReady(namespace, name, uid, ms, gone.signal);
      const own = parseAddress(from.replace(/^::ffff:/, ''));
      const isThePod = own !== undefined && pods.addressesOf(namespace, name).includes(formatAddress(own));
      answer(response, 200, isThePod ? { ready, message, firewalls } : { ready });
    } finally {
      waiting -= 1;
      const left = (waitingOf.get(from) ?? 0) - 1;
      if (left > 0) waitingOf.set(from, left);
      else waitingOf.delete(from);
    }
  };
  const server = createServer(requestLimits, (request, response) => {
    answerOne(request, response).catch(() => answer(response, 500, { message: 'this failed; come back' }));
  });
  await listening(server, address, 'readiness');
  return server;
}

function answer(response: ServerResponse, status: number, body: object): void {
  if (!response.headersSent && !response.destroyed)
    answerText(response, status, JSON.stringify(body), 'application/json');
}
