import { keptOverRestarts } from '../contract/kept-over-restarts.ts';
import { contractHarness } from './contract.fixture.ts';

keptOverRestarts('nftables', contractHarness, { believed: [], translates: true });
