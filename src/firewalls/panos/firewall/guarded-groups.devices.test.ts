import { guardedGroups } from '../../contract/guarded-groups.ts';
import { borderHarness, firewallHarness } from '../contract.fixture.ts';

guardedGroups('PAN-OS', firewallHarness);
guardedGroups('Panorama', borderHarness);
