import { SallyportError } from '../../../base/error.ts';
import { type PanosApi, type Target, command } from './api.ts';
import { type XmlElement, child, textAt } from './xml.ts';

/** Who answers (reference 1.1). */
export interface Identity {
  readonly hostname: string;
  readonly serial: string;
  readonly model: string;
  /** `11.1.2-h3` */
  readonly version: string;
  readonly isPanorama: boolean;
  /** Several vsys: commands about lists are for the one that a connection has set (reference 1.9). */
  readonly hasSeveralVsys: boolean;
  /** Seconds since it was started. */
  readonly uptimeSeconds: number | undefined;
}

export async function readIdentity(api: PanosApi, signal: AbortSignal, where: Target = {}): Promise<Identity> {
  const system = child(await api.op(command(['show', 'system', 'info']), signal, where), 'system');
  const version = textAt(system, 'sw-version') ?? '';
  const model = textAt(system, 'model') ?? '';
  const serial = textAt(system, 'serial') ?? '';
  if (!/^\d+\.\d+/.test(version) || model === '')
    throw new SallyportError('DEVICE_UNREADABLE', 'the device does not say what it is');
  return {
    hostname: textAt(system, 'hostname') ?? '',
    serial,
    model,
    version,
    isPanorama: /^panorama$/i.test(model) || /^M-\d/.test(model),
    hasSeveralVsys: /^(on|yes)$/.test(textAt(system, 'multi-vsys') ?? ''),
    uptimeSeconds: uptime(textAt(system, 'uptime')),
  };
}

/** `12 days, 3:04:05` */
function uptime(text: string | undefined): number | undefined {
  const [, days, hours, minutes, seconds] = /^(\d+) days?, (\d+):(\d+):(\d+)$/.exec(text ?? '') ?? [];
  if (days === undefined) return undefined;
  return ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds);
}

/** What a device can hold, by the keys that it tells (reference 1.10); a release that does not tell one limits nothing by it. */
export interface Capacity {
  readonly addresses: number | undefined;
  readonly groups: number | undefined;
  readonly membersOfGroup: number | undefined;
  readonly services: number | undefined;
  readonly rules: number | undefined;
  readonly natRules: number | undefined;
  readonly registered: number | undefined;
  readonly lists: number | undefined;
}

/** What several devices hold that are to hold the same: the least that any of them tells. */
export function leastOf(capacities: readonly Capacity[]): Capacity {
  const least = (key: keyof Capacity): number | undefined => {
    const told = capacities.flatMap((one) => one[key] ?? []);
    return told.length === 0 ? undefined : Math.min(...told);
  };
  return {
    addresses: least('addresses'),
    groups: least('groups'),
    membersOfGroup: least('membersOfGroup'),
    services: least('services'),
    rules: least('rules'),
    natRules: least('natRules'),
    registered: least('registered'),
    lists: least('lists'),
  };
}

export async function readCapacity(api: PanosApi, signal: AbortSignal, where: Target = {}): Promise<Capacity> {
  const result = await api.op(command(['show', 'system', 'state', 'filter'], 'cfg.general.max*'), signal, where);
  const found = new Map<string, number>();
  for (const line of (result === undefined ? '' : textOf(result)).split('\n')) {
    const [, key, value] = /^\s*cfg\.general\.(max-[\w-]+):\s*(0x[\da-f]+|\d+)\s*$/i.exec(line) ?? [];
    if (key !== undefined && value !== undefined) found.set(key, Number(value));
  }
  return {
    addresses: found.get('max-address'),
    groups: found.get('max-address-group'),
    membersOfGroup: found.get('max-address-per-group'),
    services: found.get('max-service'),
    rules: found.get('max-policy-rule'),
    natRules: found.get('max-nat-policy-rule'),
    registered: found.get('max-registered-ip-address'),
    lists: found.get('max-edl-objs'),
  };
}

function textOf({ text, children }: XmlElement): string {
  return text + children.map(textOf).join('\n');
}

/** `false` before 10.1 and from 12 on: nothing is known of what they take. */
export function isKnownVersion(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return (major === 10 && minor >= 1) || major === 11;
}
