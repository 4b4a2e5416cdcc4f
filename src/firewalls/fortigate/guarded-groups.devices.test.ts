import { guardedGroups } from '../contract/guarded-groups.ts';
import { contractHarness } from './contract.fixture.ts';

guardedGroups('fortigate', () => contractHarness('enable'));
