import type { PanOsOptions } from '../../../../simulators/panos/index.ts';
import { rulesOnBadDays } from '../../../../test/kit/bad-day-worlds.ts';
import { panosBadDays } from '../../../../test/kit/panos-bad-days.ts';
import { badDays } from '../../contract/bad-days.ts';
import { driverContract } from '../../contract/driver-contract.ts';
import { firewallHarness, terms } from '../contract.fixture.ts';
import { FULL } from '../lab.fixture.ts';

/** The oldest release, on a device that is the other way in all that the vendor's documents leave open. */
const OLD: PanOsOptions = {
  version: '10.1.9',
  quirks: {
    referencesAt: 'commit',
    missingText: 'No such node',
    reregistering: 'silent',
    commitQueue: true,
    finalProgress: 'time',
    locksSurviveCommit: true,
    listRows: 'entry',
    emptyLists: 'taken',
    showsRefusedLists: false,
  },
};

driverContract('PAN-OS 10.1, where what is open is the other way', () => firewallHarness(OLD), {
  ...terms,
  runs: 1,
  says: 'panos',
});
badDays('PAN-OS 10.1, rules and translations', () => panosBadDays(OLD, FULL), rulesOnBadDays());
