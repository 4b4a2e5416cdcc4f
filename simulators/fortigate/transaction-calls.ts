import { type Account, demand } from './accounts.ts';
import type { CmdbContext } from './cmdb-context.ts';
import type { Device } from './device.ts';
import { envelope, type Envelope } from './envelope.ts';
import { CmdbFault, code } from './fault.ts';
import { atLeast } from './release.ts';
import { type Answer, parameter, readJson, Refusal, type Request } from './request.ts';
import { vdomsOf } from './scope.ts';
import type { Transaction } from './transactions.ts';

/** Idle workspaces end after so many seconds, and nobody asks for more (reference 1.8). */
const LONGEST_SECONDS = 3_600;
const DEFAULT_SECONDS = 60;

/** The transaction that a request's header names; throws `CmdbFault` if it is not there. */
export function transactionOf(device: Device, account: Account, request: Request): Transaction | undefined {
  const text = request.headers.get('x-transaction-id');
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new Refusal(400, 'X-TRANSACTION-ID is not a number', code.badRequest);
  return device.transactions.find(Number(text), account.name);
}

/** Answers `transaction-start`, `-commit`, `-abort`, `-list` and `-show`. */
export function answerTransaction(
  { device, accounts, commitAtMost }: CmdbContext,
  account: Account,
  request: Request,
): Answer {
  const action = parameter(request, 'action') ?? '';
  const { vdoms, many } = vdomsOf(device, account, request, 'vdom');
  const [vdom = 'root'] = vdoms;
  const frame: Envelope = {
    http_method: request.method,
    vdom,
    path: request.path[3] ?? '',
    name: request.path[4] ?? '',
    action,
    serial: device.model.serial,
    version: device.release.text,
    build: device.release.build,
  };
  if (request.method === 'GET') {
    if (!atLeast(device.release, '7.4.1')) throw new Refusal(400, `there is no action ${action}`, code.badAction);
    const shown = device.transactions.list().filter((one) => vdoms.includes(one.vdom));
    if (action === 'transaction-list') return envelope(frame, 200, { results: shown.map(shownAs) });
    if (action !== 'transaction-show') throw new Refusal(400, `there is no action ${action}`, code.badAction);
    const id = Number(parameter(request, 'transaction-id') ?? parameter(request, 'transaction_id') ?? '0');
    const found = shown.find((one) => one.id === id);
    return found === undefined
      ? envelope(frame, 404, { results: [], error: code.notFound })
      : envelope(frame, 200, { results: shownAs(found) });
  }
  if (request.method !== 'POST') throw new Refusal(405, 'transactions are started, committed and aborted by POST');
  if (many) throw new Refusal(400, 'a transaction is of one VDOM', code.badRequest);
  demand(accounts, account, 'fwgrp.policy', true);
  const body = readJson(request);
  switch (action) {
    case 'transaction-start': {
      if (request.headers.has('x-transaction-id'))
        throw new CmdbFault(code.conflictsWithSettings, 'transactions are not nested\n');
      const seconds = body['timeout'] ?? DEFAULT_SECONDS;
      if (typeof seconds !== 'number' || !Number.isInteger(seconds) || seconds < 1 || seconds > LONGEST_SECONDS)
        throw new Refusal(400, `timeout is 1 to ${LONGEST_SECONDS} seconds`, code.badRequest);
      const { id } = device.transactions.start(vdom, account.name, seconds, device.running);
      return envelope(frame, 200, { results: { 'transaction-id': id } });
    }
    case 'transaction-commit':
    case 'transaction-abort': {
      const transaction = named(device, account, request, body);
      if (transaction.vdom !== vdom)
        throw new CmdbFault(code.notFound, `transaction ${transaction.id} is of VDOM ${transaction.vdom}\n`, 424);
      if (action === 'transaction-abort') device.transactions.end(transaction.id);
      else device.commit(transaction, commitAtMost());
      return envelope(frame, 200, { results: { 'transaction-id': transaction.id } });
    }
    default:
      throw new Refusal(400, `there is no action ${action}`, code.badAction);
  }
}

function named(device: Device, account: Account, request: Request, body: Record<string, unknown>): Transaction {
  const id = body['transaction-id'] ?? body['transaction_id'];
  if (typeof id !== 'number') throw new Refusal(400, 'transaction-id is missing', code.requestMissing);
  const header = transactionOf(device, account, request);
  if (header === undefined && device.switches.commitNeedsHeader)
    throw new Refusal(400, 'X-TRANSACTION-ID is missing', code.requestMissing);
  if (header !== undefined && header.id !== id) throw new Refusal(400, 'header and body differ', code.badRequest);
  return device.transactions.find(id, account.name);
}

const shownAs = ({ id, vdom, owner, expires, changes }: Transaction): object => ({
  'transaction-id': id,
  vdom,
  username: owner,
  'expire-time': Math.floor(expires / 1_000),
  'num-changes': changes.length,
});
