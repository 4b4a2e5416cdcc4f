import type { BorderFirewall, UnreadFirewall } from '../api/resource.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import type { Log } from '../base/log.ts';
import { type Pieces, each } from '../base/pieces.ts';
import type { LiveWorld } from './world/live-world.ts';

/** Something that is wrong, and the firewall that it is about, if it is about one. */
export type Wrong = Diagnostic & { readonly firewall?: string };

/** Everything that is wrong with what was read, and with what firewalls are described as; not what devices say of it. */
export function* everyWrong(
  world: LiveWorld,
  mistakes: (firewall: BorderFirewall | UnreadFirewall) => readonly Diagnostic[],
): Pieces<Wrong[]> {
  const wrong: Wrong[] = [...world.diagnostics()];
  yield;
  wrong.push(...world.border.findings());
  for (const { firewall, findings } of world.firewalls.values()) {
    // Of one that cannot be read at present, what it was is no mistake any more.
    wrong.push(...findings, ...(world.unread.has(firewall.name) ? [] : mistakes(firewall)));
    yield;
  }
  for (const firewall of world.unread.values()) wrong.push(...mistakes(firewall));
  return wrong;
}

/** Logs each thing that is wrong once when it appears, and once when it is gone. */
export class Wrongs {
  readonly #log: Log;
  readonly #said = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Takes all that is wrong now; gives how much of it there is. */
  *tell(wrong: readonly Wrong[]): Pieces<Readonly<Record<Diagnostic['severity'], number>>> {
    const present = new Set<string>();
    const counts = { error: 0, warning: 0 };
    yield* each(wrong, ({ severity, code, firewall, object, path, message, at }) => {
      counts[severity] += 1;
      const fields = { code, firewall, object, path, file: at?.file, line: at?.line, problem: message };
      const key = JSON.stringify(fields);
      present.add(key);
      if (this.#said.has(key)) return;
      this.#said.add(key);
      this.#log[severity === 'error' ? 'error' : 'warn'](fields, 'something is wrong with what was read');
    });
    yield* each(this.#said, (key) => {
      if (present.has(key)) return;
      this.#said.delete(key);
      this.#log.info(JSON.parse(key) as object, 'mended');
    });
    return counts;
  }
}
