import { expect, test } from 'vitest';
import { parseSelector } from '../../selector/selector.ts';
import { Conditions } from './condition.ts';
import { Filing } from './filing.ts';
import { LabelStore } from './labels.ts';
import { Terms } from './terms.ts';

/** Where a selector is filed shows what the store has counted. */
test('counts follow labels, parents and labels of parents', () => {
  const terms = new Terms();
  const conditions = new Conditions(terms);
  const filing = new Filing(conditions);
  const store = new LabelStore(terms, conditions, filing);
  const { value } = parseSelector("team == 't' && app == 'a'");
  if (value === undefined) throw new Error('unreadable');
  conditions.add(1, value.node);
  const team = [terms.acquire('team', 't')];
  const app = [terms.acquire('app', 'a')];
  const filedUnder = (): readonly number[] => {
    filing.add(1);
    const chosen = filing.termsOf(1);
    filing.remove(1);
    return chosen;
  };

  store.setParent('p', new Map([['team', 't']]));
  for (let endpoint = 1; endpoint <= 3; endpoint++) store.set(endpoint, { app: 'a' }, endpoint === 1 ? ['p'] : []);
  expect(filedUnder()).toEqual(team);
  store.set(2, { app: 'x' }, ['p']);
  store.set(3, {}, ['p']);
  expect(filedUnder()).toEqual(app);
  store.setParent('p', { team: 'other' });
  expect(filedUnder()).toEqual(team);
  store.setParent('p', { team: 't' });
  expect(filedUnder()).toEqual(app);
  store.delete(3);
  store.set(2, { app: 'a' }, []);
  expect(filedUnder()).toEqual(team);
});

test('a change that no selector can tell is none', () => {
  const terms = new Terms();
  const conditions = new Conditions(terms);
  const store = new LabelStore(terms, conditions, new Filing(conditions));
  const { value } = parseSelector('has(a)');
  if (value === undefined) throw new Error('unreadable');
  conditions.add(1, value.node);
  expect(store.set(1, { b: 'x' }, ['p'])).toBe(true);
  expect(store.set(1, { b: 'y' }, ['p'])).toBe(false);
  expect(store.set(1, { b: 'y', a: '' }, ['p'])).toBe(true);
  expect([...store.setParent('p', { c: '' })]).toEqual([]);
  expect([...store.setParent('p', { a: '' })]).toEqual([1]);
  conditions.remove(1);
  expect([...store.setParent('p', {})]).toEqual([]);
});
