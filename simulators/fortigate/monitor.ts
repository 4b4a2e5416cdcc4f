import { type Account, type Accounts, demand } from './accounts.ts';
import { GLOBAL } from './configuration.ts';
import type { Device } from './device.ts';
import { envelope, type Envelope } from './envelope.ts';
import { type Answer, Refusal, type Request } from './request.ts';
import { textOf } from './row.ts';
import { vdomsOf } from './scope.ts';
import type { Right } from './table.ts';

export interface MonitorContext {
  readonly device: Device;
  readonly accounts: Accounts;
}

/** A question or command to what runs. */
export interface MonitorCall {
  readonly method: 'GET' | 'POST';
  readonly right: Right;
  /** Global calls are not of a VDOM. */
  readonly scope: 'vdom' | 'global';
  /** `results`, or a refusal thrown. */
  readonly answer: (context: MonitorContext, request: Request, vdom: string, account: Account) => unknown;
}

const status: MonitorCall = {
  method: 'GET',
  right: 'any',
  scope: 'global',
  answer: ({ device }) => ({
    model_name: device.model.family,
    model_number: device.model.number,
    model: `${device.model.serial.slice(0, 6)}`,
    hostname: textOf(device.running.row(GLOBAL, 'system/global', '') ?? {}, 'hostname'),
    log_disk_status: 'available',
  }),
};

/** By path below `/api/v2/monitor`. */
const calls: Readonly<Record<string, MonitorCall>> = {
  'system/status': status,
};

/** Answers requests below `/api/v2/monitor` (reference 1.10, 1.11). */
export function answerMonitor(context: MonitorContext, account: Account, request: Request): Answer {
  const { device, accounts } = context;
  const parts = request.path.slice(3);
  const call = calls[parts.join('/')];
  if (call === undefined) throw new Refusal(404, 'there is no such call');
  if (call.method !== request.method) throw new Refusal(405, `this is asked by ${call.method}`);
  demand(accounts, account, call.right, call.method === 'POST');
  const { vdoms, many } = vdomsOf(device, account, request, call.scope);
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
    return envelope(frame, 200, { results: call.answer(context, request, vdom, account) });
  });
  const [only] = answers;
  return !many && only !== undefined ? only : { status: 200, body: answers.map(({ body }) => body) };
}
