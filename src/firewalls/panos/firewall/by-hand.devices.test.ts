import { describe, expect, test } from 'vitest';
import type { PanOs } from '../../../../simulators/panos/index.ts';
import { allowing, translating, world } from '../../../../test/kit/worlds.ts';
import type { Ruleset } from '../../../border/ruleset.ts';
import { bring, stepsOf } from '../../contract/harness.ts';
import { FULL, byHand, commitByHand, foldersOn, oursOn } from '../lab.fixture.ts';
import { nameOf } from '../api/xml.ts';
import { closedAfterEach } from './opened.fixture.ts';

const signal = new AbortController().signal;
const lab = closedAfterEach();
const translated: Ruleset = world({ '10.0.0.1': 'bank' }, [allowing('bank', '203.0.113.0/24', 443)], {
  nats: [translating('out', { '10.0.0.1': { kind: 'Address', address: '198.18.0.1' } })],
});

type Hand = (device: PanOs) => void;

const edits =
  (rulebase: 'nat' | 'security', action: 'set' | 'edit' | 'delete', path = '', element = ''): Hand =>
  (device) => {
    const rules = foldersOn(device)[rulebase].filter((rule) => nameOf(rule).startsWith('sp-'));
    const name = rules[0] === undefined ? '' : nameOf(rules[0]);
    const rest = element === '' ? {} : { element };
    byHand(device, action, `/rulebase/${rulebase}/rules/entry[@name='${name}']${path}`, rest);
  };
const services: Hand = (device) => {
  const name = [...device.dump().matchAll(/<entry name="(sp-tcp[^"]*)"/g)][0]?.[1] ?? '';
  byHand(device, 'edit', `/service/entry[@name='${name}']/protocol`, {
    element: '<protocol><tcp><port>22</port></tcp></protocol>',
  });
};

describe('what a hand does to ours is found and put right', () => {
  test.each<[string, Hand]>([
    ['a translation deleted', edits('nat', 'delete')],
    ['a translation switched off', edits('nat', 'set', '', '<disabled>yes</disabled>')],
    ['a translation of one service', edits('nat', 'edit', '/service', '<service>service-http</service>')],
    [
      'a translation for other destinations',
      edits('nat', 'edit', '/destination', '<destination><member>theirs</member></destination>'),
    ],
    ['a translation of other sources', edits('nat', 'edit', '/source', '<source><member>theirs</member></source>')],
    [
      'a translation to another address',
      edits(
        'nat',
        'edit',
        '/source-translation',
        '<source-translation><dynamic-ip-and-port><translated-address><member>198.18.9.9</member></translated-address></dynamic-ip-and-port></source-translation>',
      ),
    ],
    ['a translation that exempts', edits('nat', 'delete', '/source-translation')],
    ['a translation by one interface', edits('nat', 'set', '', '<to-interface>ethernet1/1</to-interface>')],
    ['a rule for a user', edits('security', 'edit', '/source-user', '<source-user><member>bob</member></source-user>')],
    [
      'a rule for an application',
      edits('security', 'edit', '/application', '<application><member>ssl</member></application>'),
    ],
    ['a rule for a category', edits('security', 'edit', '/category', '<category><member>news</member></category>')],
    ['a rule for other destinations', edits('security', 'set', '', '<negate-destination>yes</negate-destination>')],
    ['a rule within zones', edits('security', 'edit', '/rule-type', '<rule-type>intrazone</rule-type>')],
    [
      'a rule for devices in a state',
      edits('security', 'set', '', '<source-hip><member>healthy</member></source-hip>'),
    ],
  ])('%s', (_, edit) => expectMended(edit, 'told'));

  test('a service of another port', () => expectMended(services));
});

async function expectMended(edit: Hand, isTold?: 'told'): Promise<void> {
  const device = await lab.border({});
  const driver = lab.connect(device, FULL);
  await bring(driver, translated);
  const held = oursOn(device);
  edit(device);
  await commitByHand(device);
  expect(oursOn(device)).not.toBe(held);
  const { drift } = await driver.observe(signal);
  if (isTold !== undefined) expect(drift).not.toEqual([]);
  await bring(lab.connect(device, FULL), translated);
  expect(oursOn(device)).toBe(held);
  expect(await stepsOf(driver, translated)).toEqual([]);
}
