import { driverContract } from '../contract/driver-contract.ts';
import { firewallHarness, terms } from './contract.fixture.ts';

driverContract('PAN-OS', firewallHarness, { ...terms, says: 'panos' });
