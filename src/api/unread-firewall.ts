import { borderFirewallSpec, credentialsOf, readinessOf } from './border-firewall.ts';
import type { Meta, OwnMeta, UnreadFirewall } from './resource.ts';
import { Scope } from './scope.ts';
import { type RawMap, defined, isMap } from './shape.ts';

/** What can be read of one that `readBorderFirewall` refused; the mistakes were noted there. */
export function readUnreadFirewall(meta: Meta & OwnMeta, raw: RawMap): UnreadFirewall {
  const spec = isMap(raw['spec']) ? raw['spec'] : {};
  const silent = new Scope({ object: undefined, place: meta.place, locate: undefined, diagnostics: [] });
  const { values, broken } = silent.fields(borderFirewallSpec, spec);
  const { driver = '', address = '', credentialsRef, tls, options = {}, adopt = [], approximate = 'Never' } = values;
  return {
    ...meta,
    type: 'BorderFirewall',
    settings: {
      name: meta.name,
      driver,
      address,
      options,
      adopt,
      approximate,
      tiers: values.policies?.tiers ?? [],
      mode: values.mode ?? 'Observe',
      ...defined({ credentialsRef: credentialsRef && credentialsOf(credentialsRef), tls: tls && defined(tls) }),
    },
    unreadable: broken,
    ...defined({
      onDelete: values.onDelete,
      workloads: values.workloads && defined(values.workloads),
      readiness: values.readiness && readinessOf(values.readiness),
    }),
  };
}
