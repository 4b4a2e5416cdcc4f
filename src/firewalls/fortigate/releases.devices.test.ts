import type { FortiGateOptions } from '../../../simulators/fortigate/index.ts';
import { groupsOnBadDays, rulesOnBadDays } from '../../../test/kit/bad-day-worlds.ts';
import { fortigateBadDays } from '../../../test/kit/fortigate-bad-days.ts';
import { badDays } from '../contract/bad-days.ts';
import { driverContract } from '../contract/driver-contract.ts';
import { RULES, contractHarness } from './contract.fixture.ts';

// All other tests are about 7.4 and the simulator's own answers to what the vendor's documents leave open.
const NEW: FortiGateOptions = { version: '7.6.3' };
/** The oldest release, on a device that is the other way in all that is open. */
const OLD: FortiGateOptions = {
  version: '7.0.12',
  switches: {
    statusLine: 'always 200',
    validation: 424,
    trustedHostRefusal: 401,
    urlToken: true,
    putRenames: true,
    identicalPost: true,
    unknownFields: 'ignored',
    emptyPolicyFields: true,
    commitNeedsHeader: false,
    locked: { http: 403, error: -14 },
    sharedNames6: false,
    memberPath6: true,
    moveAcrossInterfaces: false,
    groupMembers: 300,
    cmdbPage: 7,
    pushedSurvive: true,
    fetchedSurvive: true,
    emptyMatches: 'everything',
    feedInCentralSnat: false,
    associatedInterface: 'port3',
  },
};
const exempt = { '0 members change no rule': 'as of 7.4' } as const;

driverContract('FortiOS 7.0, where what is open is the other way', () => contractHarness('enable', undefined, OLD), {
  says: 'fortigate',
  lacks: ['address groups as feeds', 'SourceNAT by protocol and port'],
  // Everything but worlds of which it refuses something.
  draws: {},
  runs: 1,
  exempt,
});
driverContract('FortiOS 7.6', () => contractHarness('enable', undefined, NEW), { says: 'fortigate', runs: 1, exempt });
badDays(
  'FortiOS 7.0, rules and translations',
  () => fortigateBadDays(OLD, RULES, 'blocked'),
  rulesOnBadDays(['blocked']),
);
badDays('FortiOS 7.6, groups alone', () => fortigateBadDays(NEW, {}, 'blocked'), groupsOnBadDays);
