import { isMap, show } from '../../api/shape.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { scopeOf, type Subject } from '../subject.ts';
import { type MetalRule, readMetalRules } from './metal-rules.ts';
import { type Network, readNetworks } from './network.ts';

/** What a machine knows of itself from its installation (install.yaml): always there, whatever source is not. */
export interface Facts {
  readonly hostname: string | undefined;
  readonly machineId: string | undefined;
  readonly networks: readonly Network[];
  /** The rules of its allocation, as they were when it was installed. */
  readonly rules: readonly MetalRule[];
  /** Administration comes by VPN, so that SSH is open to it alone. */
  readonly vpn: boolean;
}

export const NO_FACTS: Facts = { hostname: undefined, machineId: undefined, networks: [], rules: [], vpn: false };

/** Reads install.yaml. */
export function readFacts(raw: unknown, subject: Subject, diagnostics: Diagnostic[]): Facts {
  const scope = scopeOf(subject, diagnostics, 'It counts as empty.');
  if (!isMap(raw)) {
    scope.mistake('FIELD_INVALID', `this is ${show(raw)} and has to be a map`);
    return NO_FACTS;
  }
  const text = (name: string): string | undefined => {
    const written = raw[name];
    return typeof written === 'string' && written !== '' ? written : undefined;
  };
  const vpn = raw['vpn'];
  return {
    hostname: text('hostname'),
    machineId: text('machineuuid'),
    networks: readNetworks(raw['networks'], scope.at('networks')),
    rules: readMetalRules(
      raw['firewall_rules'],
      { ...subject, base: [...subject.base, 'firewall_rules'] },
      diagnostics,
    ),
    vpn: isMap(vpn) && typeof vpn['address'] === 'string' && vpn['address'] !== '',
  };
}
