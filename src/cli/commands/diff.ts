import { compareUtf8 } from '../../base/compare.ts';
import type { FirewallView } from '../../border/firewall-view.ts';
import { rulelessOf } from '../../controller/devices/drivers.ts';
import { type WorldDifference, diffWorlds } from '../../engine/analysis/difference.ts';
import type { Behaviour } from '../../plan/behaviour.ts';
import { printTraffic } from '../../plan/print.ts';
import { absentBehaviour, behaviourOf } from '../../plan/ruleset-behaviour.ts';
import { isUnchanged, type Traffic, trafficBetween } from '../../plan/traffic.ts';
import { connectionLines, rewrapped, wrapped } from '../connection-text.ts';
import { type ExitCode, exit } from '../exit.ts';
import { namesOf } from '../firewalls.ts';
import type { OutputOptions, WorldOptions } from '../options.ts';
import { trafficData } from '../plan-data.ts';
import { printResult, type Terminal } from '../terminal.ts';
import { usage } from '../usage.ts';
import type { CommandWorld } from '../command-world.ts';
import { readWholeWorld } from '../world.ts';

interface DiffOptions extends OutputOptions {
  readonly kubeconfig?: string;
}

/** `context:NAME` is a cluster, `context:` the current one; everything else is a path. */
function sideOf(side: string, { kubeconfig }: DiffOptions): WorldOptions {
  const [, context] = /^context:(.*)$/.exec(side) ?? [];
  if (context === undefined) return { filename: [side] };
  return { ...(context !== '' && { context }), ...(kubeconfig !== undefined && { kubeconfig }) };
}

/** What one border firewall would do differently; `undefined` traffic: nobody can tell. */
interface FirewallDifference {
  readonly firewall: string;
  readonly presence: 'both' | 'gone' | 'come' | 'unknown';
  readonly traffic: Traffic | undefined;
}

/** `sallyport diff BEFORE AFTER`: what is gained and lost between two worlds, in the cluster and at each border firewall. Exact. */
export async function diff(terminal: Terminal, options: DiffOptions, before: string, after: string): Promise<ExitCode> {
  if (before === '-' && after === '-')
    throw usage('standard input holds one of the worlds; give the other as a file or folder');
  const first = await readWholeWorld(terminal, sideOf(before, options));
  const second = await readWholeWorld(terminal, sideOf(after, options));
  const cluster = diffWorlds({ engine: first.policies() }, { engine: second.policies() });
  const firewalls = firewallDifferences(first, second);
  printResult(
    terminal,
    options.output,
    'WorldDifference',
    {
      before,
      after,
      ...cluster,
      firewalls: firewalls.map(({ traffic, ...one }) => ({
        ...one,
        traffic: traffic === undefined ? null : trafficData(traffic),
      })),
    },
    () => differenceText(cluster, firewalls, (address) => namesOf(second)(address) ?? namesOf(first)(address)),
  );
  if (firewalls.some(({ traffic }) => traffic === undefined)) return exit.wrong;
  return isSame(cluster) && firewalls.length === 0 ? exit.done : exit.pending;
}

function isSame({ gained, lost, gone, come }: WorldDifference): boolean {
  return gained.length + lost.length + gone.length + come.length === 0;
}

/** Firewalls that do not do the same in both worlds; sorted. */
function firewallDifferences(first: CommandWorld, second: CommandWorld): readonly FirewallDifference[] {
  const [before, after] = [first.world.firewalls, second.world.firewalls];
  const names = [...new Set([...before.keys(), ...after.keys()])].sort(compareUtf8);
  return names.flatMap((firewall): readonly FirewallDifference[] => {
    const [old, now] = [before.get(firewall), after.get(firewall)];
    const isKnown = [old, now].every((view) => view === undefined || view.ruleset !== undefined);
    if (!isKnown) return [{ firewall, presence: 'unknown', traffic: undefined }];
    const traffic = trafficBetween(behaviourAt(old), behaviourAt(now));
    const presence = old === undefined ? 'come' : now === undefined ? 'gone' : 'both';
    return presence === 'both' && isUnchanged(traffic) ? [] : [{ firewall, presence, traffic }];
  });
}

function behaviourAt(view: FirewallView | undefined): Behaviour {
  if (view?.ruleset === undefined || rulelessOf([view.firewall]).size > 0) return absentBehaviour;
  return behaviourOf(view.ruleset);
}

function differenceText(
  cluster: WorldDifference,
  firewalls: readonly FirewallDifference[],
  nameOf: (address: string) => string | undefined,
): string {
  const { gained, lost, gone, come } = cluster;
  const blocks = [
    block('Endpoints', [
      ...(come.length === 0 ? [] : wrapped(listed(come), '  + ', '      ')),
      ...(gone.length === 0 ? [] : wrapped(listed(gone), '  - ', '      ')),
    ]),
    block('Gained in the cluster', connectionLines(gained, '+ ')),
    block('Lost in the cluster', connectionLines(lost, '- ')),
    ...firewalls.map(({ firewall, presence, traffic }) =>
      block(
        `Border firewall ${firewall}${HOW[presence]}`,
        traffic === undefined
          ? ['  its own mistakes leave it without rules in one of the worlds; `sallyport validate` names them']
          : printTraffic(traffic, { nameOf }).slice(1, -1).flatMap(rewrapped),
      ),
    ),
    [
      isSame(cluster) && firewalls.length === 0
        ? 'The two worlds allow the same.'
        : `${count(gained.length, 'group')} of connections gained, ${lost.length} lost; ${count(firewalls.length, 'border firewall')} would act differently.`,
    ],
  ];
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

const HOW = {
  both: '',
  gone: ', which only the first world has',
  come: ', which only the second world has',
  unknown: '',
};
/** Endpoints that are named; more are counted. */
const SHOWN = 20;

function block(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [title, ...lines];
}

function listed(names: readonly string[]): string {
  const rest = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  return `${names.slice(0, SHOWN).join(', ')}${rest}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
