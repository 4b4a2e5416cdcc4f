import type { Evaluation } from '../../../border/evaluate.ts';
import { type Packet, packetOf } from '../../../engine/packet.ts';
import { panosOptions } from '../configuration/options.ts';
import { type FirewallRead, PanosPassages, placeInVsys } from './passages.ts';
import { parseXml } from '../api/xml.ts';

export const tcp = packetOf({ src: '10.0.0.1', dst: '203.0.113.7', proto: 'tcp', sport: 50_000, dport: 443 });

export const unselected: Evaluation = {
  passes: true,
  reason: 'unselected',
  logged: [],
  seenSource: '10.0.0.1',
  leavesAs: '10.0.0.1',
};
export const denied: Evaluation = { ...unselected, passes: false, reason: 'end' };
export const granted: Evaluation = { ...unselected, reason: 'rule', granted: true };

export const list = (name: string, ...texts: readonly string[]): string =>
  `<${name}>${texts.map((text) => `<member>${text}</member>`).join('')}</${name}>`;

/** A security rule of somebody else, which names anything where nothing else is said. */
export function rule(name: string, said: Readonly<Record<string, string>> = {}): string {
  const any = Object.fromEntries(
    ['from', 'to', 'source', 'destination', 'application', 'service'].map((part) => [part, list(part, 'any')]),
  );
  const parts = { ...any, action: '<action>allow</action>', ...said };
  return `<entry name="${name}" uuid="6c1b">${Object.values(parts).join('')}</entry>`;
}

export const security = (...rules: readonly string[]): string =>
  `<security><rules>${rules.join('')}</rules></security>`;
export const nat = (...rules: readonly string[]): string => `<nat><rules>${rules.join('')}</rules></nat>`;
export const zone = (name: string, network = '<layer3/>'): string =>
  `<entry name="${name}"><network>${network}</network></entry>`;
export const ZONES = `<zone>${zone('k8s')}${zone('internet')}</zone>`;

export interface Given {
  /** What is in the vsys's own rulebase. */
  readonly own?: string;
  /** What else is in the vsys. */
  readonly objects?: string;
  readonly shared?: string;
  /** Why what is shared could not be read. */
  readonly unshared?: string;
  /** A text that is no XML: why it could not be read. */
  readonly pushed?: string;
  readonly registered?: FirewallRead['registered'];
  readonly options?: object;
  readonly zones?: string;
  readonly hasSeveralVsys?: boolean;
}

export function passagesOf({
  own = '',
  objects = '',
  shared = '',
  unshared,
  pushed,
  registered,
  options,
  zones,
  hasSeveralVsys,
}: Given) {
  const said = panosOptions.parse({ zones: { from: ['k8s'], to: ['internet'] }, form: 'Full', ...options });
  const read: FirewallRead = {
    vsys: 'vsys1',
    serial: '0001',
    hasSeveralVsys: hasSeveralVsys ?? false,
    own: parseXml(`<entry name="vsys1">${zones ?? ZONES}${objects}<rulebase>${own}</rulebase></entry>`),
    shared: unshared ?? parseXml(`<shared>${shared}</shared>`),
    pushed: pushed?.startsWith('<') === true ? parseXml(pushed) : pushed,
    registered: registered ?? new Map(),
  };
  return new PanosPassages(read, { cluster: 'lab', options: said, placeIn: placeInVsys({ options: said }) });
}

/** `passes: a`, `unknown: a (it is for users), end` */
export function told(given: Given, flow: Packet = tcp, evaluation = unselected): string {
  const { outcome, deciders } = passagesOf(given).of(flow, evaluation);
  const who = deciders.map(({ by, rule: one, because }) => {
    const [, name = by] = /"(.*)"$/.exec(one?.where ?? '') ?? [];
    return because.length === 0 ? name : `${name} (${because.join('; ')})`;
  });
  return `${outcome}: ${who.join(', ')}`;
}

/** Of a rule that drops above one that lets everything pass. */
export const aboveAll = (said: Readonly<Record<string, string>>, more: Given = {}): string =>
  told({ ...more, own: security(rule('a', { action: '<action>deny</action>', ...said }), rule('rest')) });
