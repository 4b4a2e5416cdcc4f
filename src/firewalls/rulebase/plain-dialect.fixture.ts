import type { Dialect } from './dialect.ts';

/** A device that can say everything, slowly: each operation by itself. */
export const plainDialect: Dialect = {
  device: 'a plain device',
  text: {
    alphabet: /[A-Za-z0-9._-]/,
    object: 63,
    group: 63,
    volatileGroup: 35,
    service: 63,
    rule: 35,
    translation: 35,
    mark: 255,
    comment: 255,
  },
  mixedGroups: false,
  ranges: true,
  domains: 'Wildcards',
  logRules: true,
  serviceLimit: () => undefined,
  servicesPerRule: Infinity,
  translates: { 4: true, 6: true },
  transaction: 1,
};
