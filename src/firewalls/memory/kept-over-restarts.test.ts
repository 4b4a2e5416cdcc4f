import { keptOverRestarts } from '../contract/kept-over-restarts.ts';
import { memoryHarness } from './memory-harness.fixture.ts';

keptOverRestarts('memory', memoryHarness, { believed: [] });
