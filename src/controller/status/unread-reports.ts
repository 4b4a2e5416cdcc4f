import type { UnreadFirewall } from '../../api/resource.ts';
import { type RawMap, defined } from '../../api/shape.ts';
import type { Clock } from '../../base/clock.ts';
import type { HappenedEvent } from '../../kubernetes/event-forms.ts';
import type { StatusWish } from '../../kubernetes/status-writer.ts';
import { factsOfConditions, firewallConditions, saysStalled, unreadText } from './firewall-conditions.ts';
import { toldBefore } from './firewall-status.ts';
import { type Picture, type Standing, statusObject } from './picture.ts';

/** What is said of BorderFirewalls that cannot be read: all that their owners learn of them. */
export class UnreadReports {
  readonly #clock: Clock;
  /** By name: what was said last. */
  readonly #told = new Map<string, string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Which there are. */
  keep({ world }: Picture): void {
    for (const name of this.#told.keys()) if (!world.unread.has(name)) this.#told.delete(name);
  }

  /** The status of one that this copy never read. What is told of its device was so when a copy read that last, and stays. */
  wish(picture: Picture, firewall: UnreadFirewall, standing: Standing): StatusWish {
    const facts = factsOfConditions(picture, { firewall, findings: [] }, standing);
    return {
      object: statusObject(firewall),
      portion: { kind: 'whole' },
      mayWrite: () => picture.standing(firewall.name)?.holds ?? false,
      compose: (before: RawMap | undefined): RawMap =>
        defined({
          observedGeneration: firewall.generation,
          conditions: firewallConditions(facts, this.#clock.wall(), before?.['conditions']),
          cluster: before?.['cluster'],
          ...toldBefore(before),
        }),
    };
  }

  /** When it says something else than before; not where its status says so already, as after a restart. */
  events(picture: Picture, firewall: UnreadFirewall, standing: Standing): readonly HappenedEvent[] {
    const note = unreadText(factsOfConditions(picture, { firewall, findings: [] }, standing).mistakes);
    const before = this.#told.get(firewall.name);
    this.#told.set(firewall.name, note);
    if (before === note || (before === undefined && saysStalled(firewall.status, note))) return [];
    return [{ object: statusObject(firewall), type: 'Warning', reason: 'Unreadable', action: 'Read', note }];
  }
}
