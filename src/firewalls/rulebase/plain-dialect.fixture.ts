import { writeList } from '../flat/writing.ts';
import type { BlockOptions, Dialect } from './dialect.ts';
import type { ListWriter } from './translator.ts';

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
  services: { protocols: 'All', sourcePorts: true, icmp: 'Codes', parts: 1000, ranges: 1000 },
  translatesBy: 'Table',
  translates: { 4: true, 6: true },
  transaction: 1,
  slowMs: 1000,
};

export const plainOptions: BlockOptions = { form: 'Full', layout: 'Class', log: true, adopt: [] };

/** Lists without a proof and without a thread: they have tests of their own. */
export const writeAtOnce: ListWriter = (ruleset, writing) => {
  const { list, refusals } = writeList(ruleset, writing);
  return Promise.resolve({ list, refusals });
};
