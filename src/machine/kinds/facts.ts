import { isMap, show } from '../../api/shape.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { scopeOf, type Subject } from '../subject.ts';
import { type MetalRule, readMetalRules, rulesField } from './metal-rules.ts';
import { type Network, readNetworks } from './network.ts';

/** What a machine knows of itself from its installation (install.yaml): always there, whatever source is not. */
export interface Facts {
  readonly hostname: string | undefined;
  readonly networks: readonly Network[];
  /** The rules of its allocation, as they were when it was installed. */
  readonly rules: readonly MetalRule[];
  /** Whether people come in by the VPN of the installation, and not by SSH from anywhere. */
  readonly vpn: boolean;
}

export const NO_FACTS: Facts = { hostname: undefined, networks: [], rules: [], vpn: false };

/** Reads install.yaml, or the machine-allocation.yaml of newer images. */
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
  const rules = rulesField(raw);
  return {
    hostname: text('hostname'),
    networks: readNetworks(raw['networks'], scope.at('networks'), text('project')),
    rules: readMetalRules(raw[rules], { ...subject, base: [...subject.base, rules] }, diagnostics),
    vpn: isMap(raw['vpn']) && Object.values(raw['vpn']).some((value) => typeof value === 'string' && value !== ''),
  };
}
