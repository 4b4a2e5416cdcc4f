import { describe, test } from 'vitest';
import { PacketDevices } from './packet-devices.ts';
import { STORIES, runScenario, scenariosIn } from './run.ts';
import { Stage } from './stage.ts';

/** The plainest stories; no time is moved in them, and nothing done to a device by hand. */
const TOLD = /\b0[1235]-/;

describe('stories on nftables, with packets', () => {
  for (const scenario of scenariosIn(STORIES).filter(({ file }) => TOLD.test(file)))
    test(scenario.name, async () => runScenario(scenario, new Stage(await PacketDevices.open())));
});
