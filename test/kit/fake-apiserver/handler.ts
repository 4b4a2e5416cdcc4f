import type { Clock } from '../../../src/base/clock.ts';
import type { Access } from './access.ts';
import type { Call, KindCall } from './call.ts';
import { JsonEncoding } from './encoding.ts';
import { type Fault, activeOf } from './faults.ts';
import type { Kind } from './kinds.ts';
import { get, list } from './listing.ts';
import { type Reply, json, nothingHere } from './reply.ts';
import { methodNotAllowed, unauthorized } from './status.ts';
import type { Store } from './store.ts';
import { type WatchSettings, watch } from './watching.ts';

/** What the server is made of. */
export interface Parts {
  readonly clock: Clock;
  store: Store;
  readonly access: Access;
  readonly settings: WatchSettings;
  /** Found by group, version and plural. */
  kind(group: string, version: string, plural: string): Kind | undefined;
}

/** Answers one call; throws a `Refusal`. */
export function answer(parts: Parts, call: Call, faults: readonly Fault[]): Reply {
  const user = parts.access.authenticate(call.headers);
  if (user.name === 'system:anonymous') throw unauthorized();
  if (call.path === '/version') return json(200, { major: '1', minor: '34', gitVersion: 'v1.34.1' });
  if (['/healthz', '/livez', '/readyz'].includes(call.path))
    return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: Buffer.from('ok') };
  const kind = parts.kind(call.group, call.version, call.resource);
  if (kind === undefined) return nothingHere;
  return onKind(parts, { ...call, kind, user }, faults);
}

function onKind(parts: Parts, call: KindCall, faults: readonly Fault[]): Reply {
  const active = activeOf(faults);
  const encoding = new JsonEncoding(call.kind);
  switch (call.verb) {
    case 'get':
      return get(call, parts.store, encoding);
    case 'list':
      return list(call, parts.store, encoding, active.bend);
    case 'watch':
      return watch(call, parts.store, encoding, parts.clock, parts.settings, active);
    default:
      throw methodNotAllowed(call.kind, call.verb);
  }
}
