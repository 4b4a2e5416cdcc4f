import { driverContract } from '../contract/driver-contract.ts';
import { FILTER, contractHarness } from './contract.fixture.ts';

driverContract('fortigate', () => contractHarness('enable'), {
  says: 'fortigate',
  runs: 3,
  exempt: {
    '0 members change no rule':
      'a SourceNAT has one rule for each address that somebody is translated to, which goes with the last of them; without translations: members.devices.test.ts',
  },
});

driverContract('fortigate, whose policies translate', () => contractHarness('disable'), {
  runs: 1,
  // What a policy cannot translate is refused, and has tests of its own: those worlds are no part of this.
  draws: { decided: true },
  exempt: {
    '0 members change no rule': 'each address that somebody is translated to has rules of its own',
    '5 one bad thing harms only itself':
      'whoever is translated is told apart by rules, so that what is refused for him is more',
  },
});

driverContract('fortigate, denies alone, by groups', () => contractHarness('enable', FILTER), {
  runs: 1,
  exempt: { '0 members change no rule': 'as above; and groups that nobody is in any more go' },
});
