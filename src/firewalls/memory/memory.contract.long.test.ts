import { driverContract } from '../contract/driver-contract.ts';
import { memoryHarness } from './memory-harness.fixture.ts';

driverContract('memory', memoryHarness, { runs: 15 });
