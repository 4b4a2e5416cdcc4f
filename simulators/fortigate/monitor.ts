import { type Account, demand } from './accounts.ts';
import { GLOBAL } from './configuration.ts';
import { envelope, type Envelope } from './envelope.ts';
import type { Live } from './live.ts';
import type { MonitorCalls } from './monitor-call.ts';
import { feedCalls } from './monitor-feeds.ts';
import { firewallCalls } from './monitor-firewall.ts';
import { systemCalls } from './monitor-system.ts';
import { atLeast } from './release.ts';
import { type Answer, Refusal, type Request } from './request.ts';
import { vdomsOf } from './scope.ts';

/** By path below `/api/v2/monitor`. */
const calls: MonitorCalls = { ...systemCalls, ...feedCalls, ...firewallCalls };

/** Answers requests below `/api/v2/monitor` (reference 1.10, 1.11). */
export function answerMonitor(live: Live, account: Account, request: Request): Answer {
  const { device, accounts } = live;
  const parts = request.path.slice(3);
  const path = parts.join('/');
  const call = Object.hasOwn(calls, path) ? calls[path] : undefined;
  if (call === undefined || (call.since !== undefined && !atLeast(device.release, call.since)))
    throw new Refusal(404, 'there is no such call');
  if (call.method !== request.method) throw new Refusal(405, `this is asked by ${call.method}`);
  demand(accounts, account, call.right, call.method === 'POST');
  const { vdoms, many } = vdomsOf(device, account, request, call.scope);
  if (many && call.method === 'POST') throw new Refusal(400, 'an order is for one VDOM', -10_002);
  const answers = vdoms.map((vdom) => {
    const frame: Envelope = {
      http_method: request.method,
      vdom: vdom === GLOBAL ? (device.vdoms[0] ?? 'root') : vdom,
      path: parts[0] ?? '',
      name: parts[1] ?? '',
      action: parts.slice(2).join('/'),
      serial: device.model.serial,
      version: device.release.text,
      build: device.release.build,
    };
    return envelope(frame, 200, { results: call.answer({ live, request, vdom, account }) });
  });
  const [only] = answers;
  return !many && only !== undefined ? only : { status: 200, body: answers.map(({ body }) => body) };
}
