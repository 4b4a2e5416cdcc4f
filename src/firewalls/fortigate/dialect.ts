import type { Dialect } from '../rulebase/dialect.ts';
import type { FortigateFacts } from './facts.ts';
import { formatRelease } from './release.ts';

/** Most entries of one call that fills a feed (vendor reference 1.10). */
export const PUSH_PORTION = 1_000;

/**
 * Operations of one transaction. A device answers each in tens of milliseconds, and who is given up waits for its end (decision 18); no limit of
 * the device is known.
 */
const TRANSACTION = 100;

/** What a FortiGate can say (vendor reference 1.6, 1.10, 1.12). */
export function fortigateDialect(facts: FortigateFacts | undefined): Dialect {
  const release = facts === undefined ? '' : ` ${formatRelease(facts.release)}`;
  const device = `FortiGate${release}`;
  return {
    device,
    text: {
      alphabet: /[A-Za-z0-9._-]/,
      object: 79,
      // The complement of a group has its name and `.not`.
      group: 74,
      volatileGroup: 35,
      // Parts of a service have its name and a number.
      service: 74,
      // A rule may take several policies, each with a number.
      rule: 31,
      translation: 79,
      mark: 200,
      comment: 700,
    },
    ...(facts === undefined || facts.dialect.pushedFeeds
      ? {
          volatile: {
            form: 'Feed',
            portion: PUSH_PORTION,
            mixed: true,
            membersFirst: false,
            forOthersAlone: true,
          } as const,
        }
      : {}),
    mixedGroups: false,
    ranges: true,
    domains: 'Exact',
    logRules: false,
    services: { protocols: 'All', sourcePorts: true, icmp: 'Codes', parts: 1_000, ranges: 1_000 },
    translates: { 4: true, 6: true },
    translatesBy: facts === undefined || facts.centralNat ? 'Table' : 'Rules',
    tableInstead:
      'set `central-nat` of the VDOM to `enable`, if its other policies can do without translations of their own',
    transaction: TRANSACTION,
    slowMs: 30_000,
  };
}
