import type { Account } from './accounts.ts';
import { GLOBAL } from './configuration.ts';
import type { Device } from './device.ts';
import { code } from './fault.ts';
import { parameter, Refusal, type Request } from './request.ts';

/** The VDOMs that a request is for. */
export interface Scope {
  /** `GLOBAL` for global tables. */
  readonly vdoms: readonly string[];
  /** Whether the answer is a list of answers. */
  readonly many: boolean;
}

/** Reads `vdom`, `global` and `scope` (reference 1.2); throws `Refusal` on a VDOM that is not there or not the account's. */
export function vdomsOf(device: Device, account: Account, request: Request, kind: 'vdom' | 'global' | 'either'): Scope {
  const asked = parameter(request, 'vdom');
  const everywhere = parameter(request, 'global') === '1';
  const scope = parameter(request, 'scope');
  if (scope !== undefined && !['global', 'vdom', 'both'].includes(scope.replace(/\*$/, '')))
    throw new Refusal(400, `there is no scope ${scope}`, code.badRequest);
  const visible = account.vdoms.length === 0 ? device.vdoms : device.vdoms.filter((one) => account.vdoms.includes(one));
  const isGlobal = scope === 'global' || asked === 'global';
  if (isGlobal && account.vdoms.length > 0 && kind !== 'vdom' && request.method !== 'GET')
    throw new Refusal(403, 'the account is not for the global scope', code.permissionDenied);
  if (kind === 'global' || (isGlobal && kind === 'either')) return { vdoms: [GLOBAL], many: everywhere };
  if (everywhere || asked === '*') return { vdoms: visible, many: true };
  const names =
    asked === undefined || asked === '' || asked === 'global' ? [device.vdoms[0] ?? 'root'] : asked.split(',');
  for (const name of names) {
    if (!device.vdoms.includes(name)) throw new Refusal(424, `there is no VDOM ${name}`, code.notFound);
    if (!visible.includes(name)) throw new Refusal(403, `the account is not for VDOM ${name}`, code.permissionDenied);
  }
  return { vdoms: names, many: names.length > 1 };
}
