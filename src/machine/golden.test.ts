import { describe, expect, test } from 'vitest';
import { cwnp, FACTS, smallMachine } from '../../test/kit/machine.ts';
import { BAD, GOOD, ODD, RICH, SEEN } from '../../test/kit/machine-worlds.ts';

describe('the file', () => {
  test.each([
    ['empty', smallMachine('')],
    ['without-facts', smallMachine('', { facts: '{}' })],
    ['rich', smallMachine(RICH, { resolved: SEEN })],
    ['odd', smallMachine(ODD)],
  ])('%s', async (name, { text }) => {
    await expect(text).toMatchFileSnapshot(`golden/${name}.v4`);
  });

  test('what comes before has no influence, nor has the order of objects', () => {
    const objects = RICH.split('---\n').filter((text) => text !== '');
    const turned = objects.toReversed().join('---\n');
    expect(smallMachine(turned, { resolved: SEEN }).text).toBe(smallMachine(RICH, { resolved: SEEN }).text);
  });
});

describe('one bad object harms itself alone', () => {
  const good = smallMachine(GOOD).text;

  test.each(BAD)('%s', (_, bad) => {
    for (const objects of [`${bad}${GOOD}`, `${GOOD}${bad}`]) {
      const { text, said } = smallMachine(objects);
      expect(text).toBe(good);
      expect(said).not.toEqual([]);
    }
  });

  test('all of them together', () => {
    const bad = BAD.map(([, text], index) => text.replace('name: bad-', `name: bad-${index}-`)).join('');
    const { text, policies } = smallMachine(`${bad}${GOOD}`);
    expect(text).toBe(good);
    expect(policies.filter(({ state }) => state === 'deployed')).toHaveLength(50);
    expect(policies.filter(({ state, message }) => state === 'ignored' && message === '')).toEqual([]);
  });

  test('facts that cannot be read', () => {
    for (const facts of ['[]', '{ networks: nonsense }', '{ networks: [nonsense, { vrf: -1 }], firewall_rules: 7 }'])
      expect(smallMachine(GOOD, { facts }).text).toContain('good-49');
    const broken = FACTS.replace('prefixes: [10.0.0.0/22]', 'prefixes: [10.0.0.0/22, nonsense]');
    expect(smallMachine(GOOD, { facts: broken }).text).toBe(good);
  });

  test('a policy that was read is in force whole', () => {
    const { policies } = smallMachine(`${cwnp('empty', '{}')}${cwnp('nothing', 'null')}`);
    expect(policies.map(({ state }) => state)).toEqual(['deployed', 'deployed']);
  });
});
