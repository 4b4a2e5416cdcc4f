import type { MayGoOn } from '../../driver.ts';
import type { PanosApi } from './api.ts';
import { jobOf } from './jobs.ts';
import type { Scope } from './scope.ts';
import { type XmlElement, element, members } from './xml.ts';

/** What a commit is called in the device's log. */
const DESCRIPTION = 'Sallyport';

/** A commit of what one administrator changed in one scope (reference 1.7): never of other people's work. */
export function partialCommit(scope: Scope, admin: string): XmlElement {
  const where =
    scope.kind === 'vsys'
      ? [
          element('device-and-network', 'excluded'),
          element('shared-object', 'excluded'),
          element('vsys', members([scope.vsys])),
        ]
      : scope.kind === 'device-group'
        ? [element('shared-object', 'excluded'), element('device-group', members([scope.group]))]
        : [];
  return element('commit', [
    element('description', DESCRIPTION),
    element('partial', [element('admin', members([admin])), ...where]),
  ]);
}

/** Enqueues such a commit; `undefined`: the device has nothing to commit. */
export async function startCommit(
  api: PanosApi,
  scope: Scope,
  admin: string,
  signal: AbortSignal,
  mayGoOn: MayGoOn,
): Promise<number | undefined> {
  return jobOf(await api.commit(partialCommit(scope, admin), signal, mayGoOn), mayGoOn);
}
