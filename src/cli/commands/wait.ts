import process from 'node:process';
import { z } from 'zod';
import { type Clock, systemClock } from '../../base/clock.ts';
import { connectionWords } from '../../base/connection-error.ts';
import { SallyportError } from '../../base/error.ts';
import { type ExitCode, exit } from '../exit.ts';
import type { Terminal } from '../terminal.ts';
import { usage } from '../usage.ts';

export interface WaitOptions {
  readonly url?: string;
  readonly pod?: string;
  readonly uid?: string;
}

const answer = z.object({ ready: z.boolean(), message: z.string().optional() });

/** How long one question is held back by the controller, in seconds, and how long its answer may take at most. */
const HOLD_S = 20;
const ANSWER_MS = 30_000;
const AGAIN_MS = 1_000;
const NO_CONTROLLER = 'what answers there is no controller of Sallyport; asking again';

/**
 * `sallyport wait`, for init containers: ends when the border has confirmed this pod's addresses, or when its firewalls let it go
 * (`readiness` of the BorderFirewall). A controller that does not answer is asked again: without it nobody knows of the pod, and what it
 * sends would be dropped.
 */
export async function wait(terminal: Terminal, options: WaitOptions, clock: Clock = systemClock): Promise<ExitCode> {
  const url = questionUrl(options);
  terminal.err(`waiting for the border: ${url.pathname.split('/').slice(3, 5).join('/')} at ${url.origin}`);
  let said = '';
  const say = (text: string): void => {
    if (text !== said) terminal.err(text);
    said = text;
  };
  for (;;) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS), redirect: 'error' });
      if (response.status === 404)
        throw usage(`${url.origin} is no readiness address of Sallyport; see server.readiness in its configuration`);
      if (response.ok) {
        const { data } = answer.safeParse(await response.json());
        if (data?.ready === true) {
          terminal.err(data.message ?? 'the border is ready');
          return exit.done;
        }
        say(data === undefined ? NO_CONTROLLER : `not yet: ${data.message ?? 'the border has not confirmed this pod'}`);
      } else say(`the controller answers ${response.status}; asking again`);
    } catch (thrown) {
      if (thrown instanceof SallyportError) throw thrown;
      say(
        thrown instanceof SyntaxError ? NO_CONTROLLER : `the controller does not answer: ${why(thrown)}; asking again`,
      );
    }
    await new Promise<void>((resolve) => void clock.after(AGAIN_MS, resolve));
  }
}

/** Why there is no answer; `fetch` keeps it below what it throws. */
function why(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  if (thrown.name === 'TimeoutError') return `it took more than ${ANSWER_MS / 1_000} s`;
  return connectionWords(thrown.cause ?? thrown, []);
}

function questionUrl(options: WaitOptions): URL {
  const { POD_NAMESPACE: namespace, POD_NAME: name, POD_UID, SALLYPORT_URL: given } = process.env;
  const uid = options.uid ?? POD_UID;
  const pod = options.pod ?? (namespace === undefined || name === undefined ? undefined : `${namespace}/${name}`);
  const base = options.url ?? given;
  const missing = [
    ...(base === undefined ? ['the address of the controller (--url, or SALLYPORT_URL)'] : []),
    ...(pod === undefined ? ['the name of the pod (--pod NAMESPACE/NAME, or POD_NAMESPACE and POD_NAME)'] : []),
    ...(uid === undefined ? ['its uid (--uid, or POD_UID)'] : []),
  ];
  if (base === undefined || pod === undefined || uid === undefined) throw usage(`not given: ${missing.join(' and ')}`);
  if (!/^[a-z0-9-]{1,63}\/[a-z0-9.-]{1,253}$/.test(pod)) throw usage(`${pod} is no pod; write NAMESPACE/NAME`);
  if (!/^[A-Za-z0-9-]{1,64}$/.test(uid)) throw usage(`${uid} is no uid of a pod`);
  if (!URL.canParse(base) || !/^https?:$/.test(new URL(base).protocol))
    throw usage(`${base} is no address of a controller; write http://HOST:PORT`);
  return new URL(`/v1/pods/${pod}/border?uid=${uid}&wait=${HOLD_S}`, base);
}
