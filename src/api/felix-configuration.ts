import { z } from 'zod';
import { addressProblem, parseAddress } from '../ip/address.ts';
import { optional, optionalText } from './fields.ts';
import type { FelixConfiguration, Meta } from './resource.ts';
import type { Scope } from './scope.ts';
import { type RawMap, defined } from './shape.ts';

const specSchema = z.object({
  natOutgoingAddress: optionalText,
  natOutgoingExclusions: optional(z.enum(['IPPoolsOnly', 'IPPoolsAndHostIPs'])),
  interfacePrefix: optionalText,
  dropActionOverride: optionalText,
  egressIPSupport: optionalText,
});

/** Reads the few settings of Felix that decide what a border sees. */
export function readFelixConfiguration(meta: Meta, raw: RawMap, scope: Scope): FelixConfiguration | undefined {
  const inside = scope.otherwise('The configuration is left out.').at('spec');
  const { values, sound } = inside.fields(specSchema, inside.map(raw['spec']) ?? {});
  if (!sound) return undefined;
  const { natOutgoingAddress, natOutgoingExclusions = 'IPPoolsOnly', ...rest } = values;
  if (natOutgoingAddress !== undefined && parseAddress(natOutgoingAddress) === undefined)
    scope.at('spec').mistake('PREFIX_INVALID', addressProblem(natOutgoingAddress), 'natOutgoingAddress');
  return { ...meta, type: 'FelixConfiguration', natOutgoingExclusions, ...defined({ natOutgoingAddress, ...rest }) };
}
