import { createHash } from 'node:crypto';
import { toSallyportError } from '../../base/error.ts';
import type { Driver, MayGoOn } from '../../firewalls/driver.ts';
import type { AuditTrail } from '../../insight/audit/trail.ts';
import type { Step } from '../../plan/step.ts';

/** So many objects of one step are named in its record. */
const OBJECTS = 100;

/** A driver whose every write stands in an audit trail, whoever asks for it. */
export interface AuditedDriver extends Driver {
  /** The digest of the plan whose steps come now; `undefined`: they belong to none. */
  under(plan: string | undefined): void;
}

/** Records each write before it is sent and when it has ended. `by`: on whose behalf, in the trail's words. */
export function audited(driver: Driver, trail: AuditTrail, by: string): AuditedDriver {
  let plan: string | undefined;
  const send = driver.apply.bind(driver);
  const apply = async (step: Step, signal: AbortSignal, mayGoOn?: MayGoOn): Promise<void> => {
    const of = trail.append({
      what: 'Sent',
      step: step.kind,
      title: step.title,
      ...(plan === undefined ? {} : { plan }),
      by,
      objects: step.objects.slice(0, OBJECTS).map(({ change, kind, name, detail }) => ({ change, kind, name, detail })),
      more: Math.max(0, step.objects.length - OBJECTS),
      text: createHash('sha256').update(driver.render(step)).digest('hex'),
    });
    const began = performance.now();
    const device: string[] = [];
    const ask: MayGoOn = Object.assign(() => mayGoOn?.(), { named: (name: string) => void device.push(name) });
    const answer = () => ({ of, ms: since(began), ...(device.length === 0 ? {} : { device }) });
    try {
      await send(step, signal, ask);
    } catch (thrown) {
      const { code, message } = toSallyportError(thrown);
      trail.append({ what: 'Refused', ...answer(), code, message });
      throw thrown;
    }
    trail.append({ what: 'Accepted', ...answer() });
  };
  const under = (digest: string | undefined): void => {
    plan = digest;
  };
  const own = new Map<string | symbol, unknown>([
    ['apply', apply],
    ['under', under],
  ]);
  // What a device cannot do stays absent: its being there says that it can. Who puts a method of his own in its place wraps this one.
  return new Proxy(driver, {
    get(target, name) {
      if (own.has(name)) return own.get(name);
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? (member as (...given: unknown[]) => unknown).bind(target) : member;
    },
    set(_target, name, value) {
      own.set(name, value);
      return true;
    },
  }) as AuditedDriver;
}

function since(began: number): number {
  return Math.round(performance.now() - began);
}
