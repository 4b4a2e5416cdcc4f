import { type Answer, codes, refuse, result } from './answer.ts';
import type { Device, Request } from './device.ts';
import { stamp } from './jobs.ts';
import type { LockKind } from './locks.ts';
import { child, element, type Element } from './xml.ts';

export interface Call<D extends Device = Device> extends Request {
  readonly device: D;
  /** The element that the operation is named after. */
  readonly at: Element;
}

/** One operational command. */
export interface Operation {
  /** Whether it changes anything, which a reader may not. */
  readonly changes: boolean;
  readonly run: (call: Call) => Answer;
}

const reads = (run: (call: Call) => Answer): Operation => ({ changes: false, run });
const changes = (run: (call: Call) => Answer): Operation => ({ changes: true, run });

/** The operation that a command means: the names of its elements, outermost first, are its key. */
export function operationFor(
  table: ReadonlyMap<string, Operation>,
  cmd: Element,
): { readonly operation: Operation; readonly at: Element } {
  const words: string[] = [];
  for (let at: Element | undefined = cmd; at !== undefined; at = at.children[0]) {
    words.push(at.name);
    const operation = table.get(words.join(' '));
    if (operation !== undefined) return { operation, at };
    if (at.children.length > 1) break;
  }
  const known = [...table.keys()].some((key) => key.split(' ')[0] === cmd.name);
  throw known
    ? refuse(codes.invalidCommand, ` ${words.join(' -> ')} unexpected here`)
    : refuse(codes.unknownCommand, ` ${cmd.name} is no command`);
}

/** The scope that a request's `vsys` names for a lock. */
function scope({ device, parameters }: Call): string {
  const name = parameters.get('vsys') ?? 'shared';
  device.checkScope(name);
  return name;
}

const lock = (kind: LockKind): readonly (readonly [string, Operation])[] => [
  [
    `request ${kind}-lock add`,
    changes((call) => call.device.locks.take(kind, scope(call), call.account.name, child(call.at, 'comment')?.text)),
  ],
  [
    `request ${kind}-lock remove`,
    changes((call) => {
      const owner = child(call.at, 'admin')?.text ?? call.account.name;
      if (owner !== call.account.name && call.account.role !== 'superuser')
        throw refuse(codes.unauthorized, 'Unauthorized request');
      return call.device.locks.release(kind, scope(call), owner);
    }),
  ],
  [`show ${kind}-locks`, reads(({ device }) => device.locks.list(kind))],
];

/** What a firewall and a Panorama both understand. */
export const commonOperations: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['show system info', reads(({ device }) => result([element('system', systemRows(device))]))],
  ['show jobs id', reads(({ device, at }) => device.jobs.show(at.text.trim()))],
  ['show jobs all', reads(({ device }) => device.jobs.list())],
  ['check pending-changes', reads(({ device }) => result(device.configuration.pending.length > 0 ? 'yes' : 'no'))],
  [
    'load config from',
    changes(({ device, at, account }) => {
      if (at.text.trim() !== 'running-config.xml') throw refuse(codes.notFound, ` ${at.text.trim()} does not exist`);
      for (const { owner } of device.locks.held('config'))
        if (owner !== account.name) throw refuse(codes.denied, `Configuration is locked by ${owner}`);
      device.configuration.revert();
      return result('<msg><line>Config loaded from running-config.xml</line></msg>');
    }),
  ],
  ['validate full', changes(({ device, account }) => device.validate(account.name))],
  ...lock('config'),
  ...lock('commit'),
  ['show config running', reads(({ device }) => result([device.configuration.running]))],
  ['show config candidate', reads(({ device }) => result([device.configuration.candidate]))],
  [
    'set audit-comment',
    changes(({ device, at }) => {
      const comment = child(at, 'comment')?.text ?? '';
      if (comment.length > 256)
        throw refuse(
          codes.invalidObject,
          ` audit-comment can be at most 256 characters, but current length: ${comment.length}`,
        );
      device.addAuditComment(child(at, 'xpath')?.text.trim() ?? '', comment);
      return { status: 'success', code: codes.done, body: '<msg>command succeeded</msg>' };
    }),
  ],
  [
    'show config list audit-comments',
    reads(({ device, at }) => {
      const newest = device.auditComments(child(at, 'xpath')?.text.trim() ?? '').at(-1);
      return result(newest === undefined ? [] : [element('entry', [element('comment', newest)])]);
    }),
  ],
  ['show plugins packages', reads(() => result([element('plugins')]))],
  [
    'show interface',
    reads(({ at }) => {
      if (at.text.trim() !== 'management') throw refuse(codes.notFound, ` ${at.text.trim()} is not known`);
      return result([
        element('info', [element('name', 'Management Interface')]),
        element('counters', [element('rx-packets', '1'), element('tx-packets', '1')]),
      ]);
    }),
  ],
]);

function systemRows(device: Device): readonly Element[] {
  const rows: Readonly<Record<string, string>> = {
    hostname: device.hostname,
    'ip-address': '127.0.0.1',
    devicename: device.hostname,
    serial: device.serial,
    uptime: uptime(device.uptimeMs),
    time: stamp(device.clock.wall()),
    'sw-version': device.version,
    // Contents that every device has, of no version that means anything here.
    'app-version': '8000-1',
    'threat-version': '8000-1',
    'av-version': '4000-1',
    'wildfire-version': '0',
    'url-filtering-version': '0',
    ...device.identity(),
  };
  return Object.entries(rows).map(([name, text]) => element(name, text));
}

/** `3 days, 2:01:09`. */
function uptime(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const two = (value: number): string => String(value % 60).padStart(2, '0');
  const hours = Math.floor(seconds / 3600) % 24;
  return `${Math.floor(seconds / 86_400)} days, ${hours}:${two(Math.floor(seconds / 60))}:${two(seconds)}`;
}

export { changes, reads };
