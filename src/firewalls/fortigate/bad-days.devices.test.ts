import { groupsOnBadDays, rulesOnBadDays } from '../../../test/kit/bad-day-worlds.ts';
import { fortigateBadDays } from '../../../test/kit/fortigate-bad-days.ts';
import { badDays } from '../contract/bad-days.ts';
import { RULES } from './contract.fixture.ts';

// A group that allows would be a feed there; the one that denies is in the configuration, as rules are.
badDays(
  'FortiGate, rules and translations',
  () => fortigateBadDays({ version: '7.4.8' }, RULES, 'blocked'),
  rulesOnBadDays(['blocked']),
);
badDays('FortiGate, groups alone', () => fortigateBadDays({ version: '7.4.8' }, {}, 'blocked'), groupsOnBadDays);
