import { keptOverRestarts } from '../../contract/kept-over-restarts.ts';
import { borderHarness, firewallHarness } from '../contract.fixture.ts';

const LISTS = ['Allow', 'Deny'] as const;

keptOverRestarts('PAN-OS', firewallHarness, { believed: [], translates: true, lists: LISTS });
keptOverRestarts('PAN-OS, rules alone', firewallHarness, { believed: [] });
keptOverRestarts('Panorama', borderHarness, { believed: [], translates: true, lists: LISTS });
