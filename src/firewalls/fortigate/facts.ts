import { z } from 'zod';
import { SallyportError } from '../../base/error.ts';
import type { Capabilities } from '../driver.ts';
import type { FortiosApi } from './fortios-api.ts';
import {
  NEWER_THAN_KNOWN,
  OLDEST,
  type Dialect,
  type Release,
  dialectOf,
  formatRelease,
  isAtLeast,
  parseRelease,
} from './release.ts';

/** What a FortiGate says of itself and of our VDOM. */
export interface FortigateFacts {
  readonly release: Release;
  readonly dialect: Dialect;
  /** Translation stands in a table of its own; else on policies. Read and never changed. */
  readonly centralNat: boolean;
  /** What is written is lost at the next boot unless it is saved (`cfg-save` manual). */
  readonly savesByHand: boolean;
}

export interface FortigateCapabilities extends Capabilities {
  /** Absent where no device was asked. */
  readonly fortigate?: FortigateFacts;
}

const statusForm = z.object({
  model_name: z.string().optional(),
  model_number: z.string().optional(),
  hostname: z.string().optional(),
});
const settingsForm = z.object({ 'central-nat': z.enum(['enable', 'disable']) });
const globalForm = z.object({ 'cfg-save': z.enum(['automatic', 'manual', 'revert']) });

/** The reference names none (see docs/design/fortigate.md, Sessions). */
export const CONNECTIONS_STAY =
  'it has no call that ends single sessions: connections that a change no longer allows go on, whatever `established` says';

const READS_SETTINGS =
  'nothing is written before it does. Look whether the profile of the API administrator may read `sysgrp`';

/** Asks a FortiGate what it is and holds. Throws `DEVICE_UNSUPPORTED` for what this driver must not write to. */
export async function askFacts(api: FortiosApi, signal: AbortSignal): Promise<FortigateCapabilities> {
  const get = (path: string, query = {}): ReturnType<FortiosApi['ask']> =>
    api.ask({ method: 'GET', path, query }, signal);
  const [status, centralNat, global] = await Promise.all([
    get('monitor/system/status'),
    askCentralNat(api, signal),
    get('cmdb/system/global', { format: 'cfg-save' }),
  ]);
  const release = parseRelease(status.version ?? '');
  const text = formatRelease(release);
  if (!isAtLeast(release, OLDEST))
    throw new SallyportError('DEVICE_UNSUPPORTED', `it runs FortiOS ${text}; this driver needs 7.0 or later`);
  const save = globalForm.safeParse(global.results).data?.['cfg-save'];
  if (save === undefined)
    throw new SallyportError(
      'DEVICE_UNREADABLE',
      `cmdb/system/global: the answer does not tell \`cfg-save\`; ${READS_SETTINGS}`,
    );
  if (save === 'revert')
    throw new SallyportError(
      'DEVICE_UNSUPPORTED',
      '`cfg-save` is `revert`: it would take back what is written to it and boot; set it to `automatic` or `manual`',
    );
  const model = statusForm.safeParse(status.results).data;
  return {
    device: `${model?.model_name ?? 'FortiGate'} ${model?.model_number ?? ''}, FortiOS ${text}, VDOM ${api.vdom}`,
    families: [4, 6],
    owns: undefined,
    transactionLimit: undefined,
    notes: [
      CONNECTIONS_STAY,
      ...(isAtLeast(release, NEWER_THAN_KNOWN)
        ? [
            `FortiOS ${text} is newer than what this driver was written for (7.0 to 7.6): read the plan before you let it write`,
          ]
        : []),
      ...(save === 'manual' ? ['`cfg-save` is `manual`: what is written is saved after each change'] : []),
    ],
    fortigate: {
      release,
      dialect: dialectOf(release),
      centralNat,
      savesByHand: save === 'manual',
    },
  };
}

/** Whether the VDOM translates in a table of its own. Throws `DEVICE_UNREADABLE`. */
export async function askCentralNat(api: FortiosApi, signal: AbortSignal): Promise<boolean> {
  const ask = { method: 'GET', path: 'cmdb/system/settings', query: { format: 'central-nat' } } as const;
  const told = settingsForm.safeParse((await api.ask(ask, signal)).results).data;
  if (told === undefined)
    throw new SallyportError(
      'DEVICE_UNREADABLE',
      `cmdb/system/settings: the answer does not tell \`central-nat\` of the VDOM; ${READS_SETTINGS}`,
    );
  return told['central-nat'] === 'enable';
}
