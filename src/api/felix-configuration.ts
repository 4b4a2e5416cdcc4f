import { z } from 'zod';
import { addressProblem, parseAddress } from '../ip/address.ts';
import { optional, optionalText } from './fields.ts';
import { refuse } from './mistake.ts';
import type { FelixConfiguration, Meta } from './resource.ts';
import type { Scope } from './scope.ts';
import { type RawMap, defined } from './shape.ts';

const specSchema = z.object({
  natOutgoingAddress: optionalText.superRefine((text, context) => {
    if (text !== undefined && parseAddress(text) === undefined) refuse(context, 'PREFIX_INVALID', addressProblem(text));
  }),
  natOutgoingExclusions: optional(z.enum(['IPPoolsOnly', 'IPPoolsAndHostIPs'])),
  interfacePrefix: optionalText,
  dropActionOverride: optionalText,
  egressIPSupport: optionalText,
});

/** Reads the few settings of Felix that decide what a border sees. One that Felix could not read has its default, as there. */
export function readFelixConfiguration(meta: Meta, raw: RawMap, scope: Scope): FelixConfiguration {
  const inside = scope.otherwise('Felix takes its default then, and so does this.').at('spec');
  const { values } = inside.fields(specSchema, inside.map(raw['spec']) ?? {});
  if (/accept$/i.test(values.dropActionOverride ?? ''))
    inside.warning(
      'FELIX_NOT_YET',
      'the cluster lets through what policies deny; answers and repeated tiers say what the policies say',
      'dropActionOverride',
    );
  if (values.egressIPSupport !== undefined && values.egressIPSupport !== 'Disabled')
    inside.warning(
      'FELIX_NOT_YET',
      'flows of pods that use an egress gateway are seen with its address, and are judged as if its pod had sent them; let a BorderFirewall take no such pods, or no such gateways',
      'egressIPSupport',
    );
  if (meta.name !== 'default' && values.natOutgoingExclusions !== undefined)
    inside.warning(
      'FELIX_NOT_YET',
      'it counts in the FelixConfiguration named default alone, for all nodes; write it there',
      'natOutgoingExclusions',
    );
  return {
    ...meta,
    type: 'FelixConfiguration',
    ...defined(values),
    natOutgoingExclusions: values.natOutgoingExclusions ?? 'IPPoolsOnly',
  };
}
