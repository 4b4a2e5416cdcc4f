import type { BorderFirewall } from '../../api/resource.ts';
import { systemClock } from '../../base/clock.ts';
import { SallyportError } from '../../base/error.ts';
import { Guard } from '../../firewalls/guard/guard.ts';
import { isWithoutRoom } from '../../firewalls/worker/no-room.ts';
import { quietUntil } from '../../firewalls/guard/quiet.ts';
import { printPlan, summaryLine } from '../../plan/print.ts';
import { carryOut } from '../carry-out.ts';
import { endConnections } from '../end-connections.ts';
import { type ExitCode, exit } from '../exit.ts';
import {
  type CommandFirewall,
  type Look,
  connectionsText,
  connectionsUnder,
  findingsOf,
  lookAt,
  namesOf,
  onDevices,
  viewsOf,
} from '../firewalls.ts';
import { readPlanFile } from '../plan-file.ts';
import { planData } from '../plan-data.ts';
import type { OutputOptions, WorldOptions } from '../options.ts';
import { printDiagnostics, printResult, type Terminal } from '../terminal.ts';
import type { CommandWorld } from '../command-world.ts';
import { readWholeWorld } from '../world.ts';

interface ApplyOptions extends WorldOptions, OutputOptions {
  readonly firewall?: string;
  readonly plan?: string;
}

/**
 * `sallyport apply`: does what `plan` shows. Without `--plan` the guard holds back what takes or gives much at once; a plan file is a
 * person's yes to exactly that plan.
 */
export async function apply(terminal: Terminal, options: ApplyOptions): Promise<ExitCode> {
  const read = await readWholeWorld(terminal, options);
  if (read.cluster === undefined)
    throw new SallyportError('CLUSTER_UNNAMED', 'what is created could not be marked as ours');
  const looked = options.plan === undefined ? undefined : await readPlanFile(options.plan);
  const stop = new AbortController().signal;
  const asked = viewsOf(terminal, read, options.firewall);
  printDiagnostics(
    terminal,
    findingsOf(read, asked).filter(({ severity }) => severity === 'error'),
  );
  const reached = new Set<string>();
  const { results: done, incomplete } = await onDevices(
    terminal,
    read,
    { ...asked, views: canariesFirst(asked.views) },
    async (firewall) => {
      const look = await lookAt(firewall, stop);
      let last = look;
      printDiagnostics(terminal, look.wanted.refusals);
      if (!look.plan.isEmpty) {
        refuseObserve(firewall);
        if (looked === undefined) {
          terminal.err(printPlan(look.plan, { nameOf: namesOf(read) }).trimEnd());
          const connections = await connectionsUnder(firewall, look, stop);
          for (const line of connectionsText(firewall.name, connections)) terminal.err(line);
          refuseAccident(read, firewall, look);
          refuseUntimely(firewall, look, reached);
        } else if (looked.get(firewall.name) !== look.plan.digest) {
          const reason = looked.has(firewall.name)
            ? 'is not what the plan was made from any more'
            : 'is not in the plan';
          throw new SallyportError('PLAN_STALE', `${firewall.name} ${reason}; make a new plan and look at it`);
        }
        firewall.device.driver.under?.(look.plan.digest);
        const stepsNow = async () => {
          last = await lookAt(firewall, stop);
          return last.steps;
        };
        await carryOut(terminal, firewall, stepsNow, stop);
        await endConnections(terminal, firewall, look.actual, last.wanted, stop);
      }
      refuseUnreached(last);
      reached.add(firewall.name);
      return look.plan;
    },
    { writes: true },
  );
  printResult(terminal, options.output, 'Applied', { plans: done.map((plan) => planData(plan)) }, () =>
    done.map((plan) => (plan.isEmpty ? summaryLine(plan) : `${plan.firewall}: done and read back.`)).join('\n'),
  );
  return incomplete ? exit.wrong : exit.done;
}

/** Each firewall after those of `guard.after`, as far as they are here; otherwise as they were. */
export function canariesFirst<V extends { readonly firewall: Pick<BorderFirewall, 'name' | 'guard'> }>(
  views: readonly V[],
): readonly V[] {
  const left = new Map(views.map((view) => [view.firewall.name, view]));
  const ordered: V[] = [];
  const take = (view: V): void => {
    if (!left.delete(view.firewall.name)) return;
    for (const name of view.firewall.guard.after) {
      const canary = left.get(name);
      if (canary !== undefined) take(canary);
    }
    ordered.push(view);
  };
  for (const view of views) take(view);
  return ordered;
}

function refuseObserve({ name, view }: CommandFirewall): void {
  if (view.firewall.mode === 'Observe')
    throw new SallyportError(
      'MODE_OBSERVE',
      `${name} is in mode Observe, which writes nothing; set spec.mode to Approve or Enforce`,
    );
}

/** All is done that can be done, and that is not all. */
function refuseUnreached({ actual: { unreached = [] }, behind }: Look): void {
  const full = behind.filter(isWithoutRoom).map(({ text }) => text);
  if (full.length > 0)
    throw new SallyportError('DEVICE_LIMIT', `everything else is done and read back, but ${full.join('; ')}`);
  const open = behind.filter(({ isUsed }) => isUsed).map(({ text }) => text);
  if (open.length > 0)
    throw new SallyportError('LISTS_BEHIND', `everything else is done and read back, but ${open.join('; ')}`);
  if (unreached.length > 0)
    throw new SallyportError(
      'DEVICE_UNREACHABLE',
      `everything else is done and read back, but ${unreached.join('; ')}; what is wanted comes there by another apply, or by run`,
    );
}

/** The guard's question, as the running controller would ask it (design invariant 4). */
function refuseAccident({ world }: CommandWorld, { name, view }: CommandFirewall, { actual, plan }: Look): void {
  if (actual.empty) return; // the first programming: there is nothing to lose
  const ownerOf = (address: string): string | undefined => world.owners.get(address);
  const judgement = new Guard(systemClock).judge({
    traffic: plan.traffic,
    exposures: plan.exposures,
    limits: view.firewall.guard,
    ownerOf,
    isGone: (address) => !world.owners.has(address),
    // Who was there before is not known here, so that nobody counts as new to a list, nor as a member whom the device does not show.
    isNew: () => false,
    wasMember: () => false,
    existing: () => new Set([...actual.behaviour.senders.keys()].map((address) => ownerOf(address) ?? address)).size,
  });
  if (judgement.kind === 'stop')
    throw new SallyportError(
      'GUARD_STOPPED',
      `${name}: ${judgement.reasons.join('; ')}. Look at it with plan --out FILE, and do it with apply --plan FILE`,
    );
}

/** Changes of rules rest in quiet times, and until the canary firewalls have them, as they do in the running controller. */
function refuseUntimely({ name, view }: CommandFirewall, { steps }: Look, reached: ReadonlySet<string>): void {
  if (steps.every(({ kind }) => kind !== 'Rules' && kind !== 'Remove')) return;
  const { quiet, after } = view.firewall.guard;
  const until = quietUntil(quiet, systemClock.wall());
  const ahead = after.filter((canary) => !reached.has(canary));
  const reasons = [
    ...(until === undefined ? [] : [`quiet time until ${new Date(until).toISOString()}`]),
    ...(ahead.length === 0 ? [] : [`${ahead.join(', ')} come first, and do not hold what is wanted yet`]),
  ];
  if (reasons.length > 0)
    throw new SallyportError(
      'GUARD_STOPPED',
      `${name}: ${reasons.join('; ')}. To do it all the same, look at it with plan --out FILE, and do it with apply --plan FILE`,
    );
}
