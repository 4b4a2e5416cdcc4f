import { expect, test } from 'vitest';
import { rulesOnBadDays } from '../../../../test/kit/bad-day-worlds.ts';
import { bring, clear, stepsOf } from '../../contract/harness.ts';
import { byHand, commitByHand, oursOn } from '../lab.fixture.ts';
import { closedAfterEach } from './opened.fixture.ts';

const { border, connect } = closedAfterEach();

test('what somebody writes around our marks changes nothing about whose it is', async () => {
  const device = await border();
  const bare = device.dump();
  const driver = connect(device);
  const { before, after } = rulesOnBadDays();
  await bring(driver, before);
  const described = device
    .dumpSetCommands()
    .matchAll(/^set vsys vsys1 (.*) (sp-\S+|payments|blocked) description "?(.*?)"?$/gm);
  let edited = 0;
  for (const [, folder = '', name, text] of described) {
    const path = folder.split(' ').join('/');
    byHand(device, 'edit', `/${path}/entry[@name='${name}']/description`, {
      element: `<description>ask Bob ${text}</description>`,
    });
    edited++;
  }
  expect(edited).toBeGreaterThan(10);
  await commitByHand(device);
  expect(await stepsOf(driver, before)).toEqual([]);
  expect(await stepsOf(connect(device), before)).toEqual([]);
  await bring(driver, after);
  expect(await stepsOf(connect(device), after)).toEqual([]);
  await clear(driver);
  expect(oursOn(device)).toBe('');
  expect(device.dump()).toBe(bare);
});
