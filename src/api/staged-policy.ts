import { z } from 'zod';
import { readCalicoSpec } from './calico-policy.ts';
import { optional } from './fields.ts';
import { readKubernetesNetworkPolicy } from './kubernetes-network-policy.ts';
import type { Meta, StagedAction, StagedCalicoPolicy, StagedKubernetesNetworkPolicy } from './resource.ts';
import type { Scope } from './scope.ts';
import { type RawMap, isMap } from './shape.ts';

// Policies that are shown and never enforced (semantics 12): those of the enforced kinds, with one field more. As they decide nothing, no
// mistake in them opens or closes anything.

const CONSEQUENCE = 'The policy is staged and decides nothing either way.';
const actionSchema = optional(z.enum(['Set', 'Delete', 'Learn', 'Ignore']));

/** Reads a StagedNetworkPolicy. */
export function readStagedNetworkPolicy(meta: Meta, raw: RawMap, scope: Scope): StagedCalicoPolicy {
  return readStaged('StagedNetworkPolicy', meta, raw, scope.always(CONSEQUENCE));
}

/** Reads a StagedGlobalNetworkPolicy. */
export function readStagedGlobalNetworkPolicy(meta: Meta, raw: RawMap, scope: Scope): StagedCalicoPolicy {
  return readStaged('StagedGlobalNetworkPolicy', meta, raw, scope.always(CONSEQUENCE));
}

function readStaged(type: StagedCalicoPolicy['type'], meta: Meta, raw: RawMap, scope: Scope): StagedCalicoPolicy {
  return { ...meta, type, stagedAction: readAction(raw['spec'], scope), spec: readCalicoSpec(meta, raw, scope) };
}

/** Reads a StagedKubernetesNetworkPolicy, which has the shape of Kubernetes' NetworkPolicy. */
export function readStagedKubernetesNetworkPolicy(
  meta: Meta,
  raw: RawMap,
  scope: Scope,
): StagedKubernetesNetworkPolicy {
  const staged = scope.always(CONSEQUENCE);
  return {
    ...readKubernetesNetworkPolicy(meta, raw, staged),
    type: 'StagedKubernetesNetworkPolicy',
    stagedAction: readAction(raw['spec'], staged),
  };
}

/** A deletion says which policy, by its name and tier, and nothing else (calico.md 7.7). */
function readAction(raw: unknown, scope: Scope): StagedAction {
  const spec = isMap(raw) ? raw : {};
  const inside = scope.at('spec');
  const action = inside.at('stagedAction').value(actionSchema, spec['stagedAction']);
  if (!action.ok || action.value !== 'Delete') return action.ok ? (action.value ?? 'Set') : 'Set';
  for (const [name, value] of Object.entries(spec))
    if (name !== 'stagedAction' && name !== 'tier' && !isEmpty(value))
      inside.mistake('FIELD_CONFLICT', 'a policy that would delete another one has a tier only; remove this', name);
  return 'Delete';
}

/** What the Go types of the API write nothing for. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false) return true;
  return typeof value === 'object' && Object.values(value).every(isEmpty);
}
