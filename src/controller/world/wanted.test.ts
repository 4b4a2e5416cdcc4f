import { describe, expect, test } from 'vitest';
import { clusterPolicy, firewall, node, pod, pool, resourceOf } from '../../../test/kit/border-world.ts';
import { atOnce } from '../../base/pieces.ts';
import { OwnerVersions } from '../../firewalls/confirmed/owner-versions.ts';
import type { ResourceChange } from '../../sources/source.ts';
import { LiveWorld } from './live-world.ts';
import { Wanted } from './wanted.ts';

const put = (manifest: Parameters<typeof resourceOf>[0]): ResourceChange => ({
  kind: 'put',
  resource: resourceOf(manifest),
});
const named = (n: number): ResourceChange => put(pod(`a/p-${n}`, [`10.1.0.${n}`], { labels: { app: 'x' } }));
const goes = (n: number): ResourceChange => ({ kind: 'delete', key: `Pod/a/p-${n}` });

/** Two firewalls that drop unknown senders, and one that does not. */
class Borders {
  readonly versions = new OwnerVersions();
  readonly world = new LiveWorld('test');
  readonly wanted = new Wanted(this.world, this.versions);

  constructor() {
    this.compute(
      put(node('n1')),
      put(pool('p1', '10.1.0.0/16')),
      put(firewall('east')),
      put(firewall('west')),
      put(firewall('open', { unknown: 'Ignore' })),
      put(clusterPolicy('c1', { selector: "app == 'x'", egress: [{ action: 'Allow' }] })),
      ...[1, 2, 3].map(named),
    );
  }

  compute(...changes: readonly ResourceChange[]): void {
    this.wanted.begin();
    this.world.apply({ changes, state: { kind: 'complete' }, diagnostics: [] });
    atOnce(this.wanted.settle());
  }

  /** Not computed yet. */
  giveUp(...changes: readonly ResourceChange[]): void {
    atOnce(this.wanted.release(changes, 'waiting'));
  }

  wish(name: string) {
    const view = this.world.firewalls.get(name);
    const wish = view && this.wanted.wishFor(view, this, 1);
    if (wish?.kind !== 'ruleset' || wish.owners === undefined) throw new Error(`the wish is ${wish?.kind}`);
    return { members: [...wish.ruleset.members.keys()].sort(), owners: wish.owners, had: [...wish.owners.keys()] };
  }
}

describe('addresses that are given up', () => {
  test('leave the owners of all firewalls at once, but for those of one where they stay', () => {
    const borders = new Borders();
    const whole = borders.wish('east').owners;
    expect(borders.wish('open').owners).toBe(whole);
    borders.giveUp(goes(1));
    const [east, west, open] = ['east', 'west', 'open'].map((name) => borders.wish(name));
    expect(east?.owners).toBe(west?.owners);
    for (const one of [east, west]) {
      expect(one?.members).toEqual(['10.1.0.2', '10.1.0.3']);
      expect(one?.had).not.toContain('10.1.0.1');
    }
    expect(open?.members).toContain('10.1.0.1');
    expect(open?.had).toContain('10.1.0.1');
    borders.giveUp(goes(2));
    expect(borders.wish('east').owners).toBe(borders.wish('west').owners);
    expect(borders.wish('east').had).not.toContain('10.1.0.2');
    expect(borders.wish('open').had).toEqual(expect.arrayContaining(['10.1.0.1', '10.1.0.2']));
  });

  test('are versions for records of all firewalls, in the order in which they are wished', () => {
    const borders = new Borders();
    const seen = [borders.wish('east').owners];
    borders.giveUp(goes(1));
    seen.push(borders.wish('west').owners);
    borders.giveUp(goes(1), goes(2));
    seen.push(borders.wish('east').owners);
    borders.compute(goes(1), goes(2), named(4));
    seen.push(borders.wish('west').owners);
    expect(new Set(seen).size).toBe(4);
    for (const [at, before] of seen.entries())
      for (const after of seen.slice(at)) expect(atOnce(borders.versions.between(before, after))).toBeDefined();
    expect(atOnce(borders.versions.between(seen[1] as never, seen[2] as never))).toEqual(['["10.1.0.2",[]]\n']);
  });

  test('of one firewall where they stay are no version of all', () => {
    const borders = new Borders();
    const whole = borders.wish('open').owners;
    borders.giveUp({ ...goes(1) });
    borders.wish('open');
    borders.compute(named(5));
    borders.giveUp(goes(2));
    const open = borders.wish('open').owners;
    const east = borders.wish('east').owners;
    expect(open).not.toBe(east);
    expect(open.has('10.1.0.2')).toBe(true);
    expect(east.has('10.1.0.2')).toBe(false);
    expect(atOnce(borders.versions.between(whole, east))).toBeDefined();
  });

  test('are wished again when the pod is back before that was computed', () => {
    const borders = new Borders();
    const whole = borders.wish('east').members;
    borders.giveUp(goes(1));
    borders.wanted.begin();
    borders.world.apply({ changes: [named(1)], state: { kind: 'complete' }, diagnostics: [] });
    expect(atOnce(borders.wanted.settle())).toBe(true);
    expect(borders.wish('east').members).toEqual(whole);
    borders.wanted.begin();
    expect(atOnce(borders.wanted.settle())).toBe(false);
  });

  test('stay given up, whatever else is given up while the version settles in which they still are', () => {
    const many = Array.from({ length: 140 }, (_, n) => n + 1);
    const last = many.length;
    /** Every piece of settling, one world each: more is given up behind it. */
    for (let pieces = 1, isOver = false; !isOver; pieces++) {
      const borders = new Borders();
      borders.compute(...many.map(named));
      borders.giveUp(goes(131));
      borders.wanted.begin();
      // That one is back before it was computed.
      borders.world.apply({ changes: [named(131)], state: { kind: 'complete' }, diagnostics: [] });
      borders.giveUp(...many.slice(0, 130).map(goes));
      const settling = borders.wanted.settle();
      for (let n = 0; n < pieces && !isOver; n++) isOver = settling.next().done === true;
      const isWished = atOnce(borders.wanted.release([goes(last)], 'waiting'));
      const gone = new Set(['10.1.0.140', ...many.slice(0, 130).map((n) => `10.1.0.${n}`)]);
      const rest = borders.wish('east');
      if (isWished) expect([...rest.members, ...rest.had].filter((address) => gone.has(address))).toEqual([]);
      if (!isOver) atOnce(settling);
      const end = borders.wish('east');
      expect(end.members).toEqual(
        many
          .map((n) => `10.1.0.${n}`)
          .filter((address) => !gone.has(address))
          .sort(),
      );
      expect([...end.had, ...borders.wanted.owners.keys()].filter((address) => gone.has(address))).toEqual([]);
      expect(pieces).toBeLessThan(50);
    }
  });
});
