import { driverContract } from '../contract/driver-contract.ts';
import { contractHarness } from './contract.fixture.ts';

driverContract('nftables', contractHarness, { says: 'nftables', runs: 3 });
