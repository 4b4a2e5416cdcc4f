import { keptOverRestarts } from '../contract/kept-over-restarts.ts';
import { FILTER, contractHarness } from './contract.fixture.ts';

const LISTS = ['Allow', 'Deny'] as const;

keptOverRestarts('fortigate', () => contractHarness('enable'), { believed: [], translates: true, lists: LISTS });
keptOverRestarts('fortigate, whose policies translate', () => contractHarness('disable'), {
  believed: [7],
  translates: true,
});
keptOverRestarts('fortigate, denies alone, by groups', () => contractHarness('enable', FILTER), {
  believed: [],
  lists: LISTS,
});
