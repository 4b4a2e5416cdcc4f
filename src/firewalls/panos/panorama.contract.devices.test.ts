import { driverContract } from '../contract/driver-contract.ts';
import { borderHarness, terms } from './contract.fixture.ts';

driverContract('Panorama', borderHarness, terms);
