import { userInfo } from 'node:os';
import process from 'node:process';
import { catalogue } from '../base/catalogue.ts';
import { compareUtf8 } from '../base/compare.ts';
import { SallyportError, toSallyportError } from '../base/error.ts';
import { closest } from '../base/closest.ts';
import { silentLog } from '../base/log.ts';
import type { FirewallView } from '../border/firewall-view.ts';
import type { Finding } from '../border/finding.ts';
import type { Ruleset } from '../border/ruleset.ts';
import { deviceMistakes } from '../controller/devices/device-mistakes.ts';
import { openDevice } from '../controller/devices/devices.ts';
import type { OpenDevice } from '../controller/devices/open-device.ts';
import { stateFolder } from '../controller/state/state-folder.ts';
import { formatAddress } from '../ip/address.ts';
import type { Actual, Capabilities, Driver, ListBehind, Translation } from '../firewalls/driver.ts';
import { countLost } from '../firewalls/worker/lost-rights.ts';
import { type Plan, planOf } from '../plan/plan.ts';
import type { Step } from '../plan/step.ts';
import { printDiagnostics, type Terminal } from './terminal.ts';
import { type CommandWorld, NO_CLUSTER } from './command-world.ts';

/** A firewall with a ruleset, and its device opened. */
export interface CommandFirewall {
  readonly name: string;
  readonly view: FirewallView;
  readonly ruleset: Ruleset;
  readonly device: OpenDevice;
  /** Its address may mean another machine than this one. */
  readonly isElsewhere: boolean;
}

/** No device is asked, so nothing is known of one: both families, no limits, and every address may be translated to. */
export const UNASKED: Capabilities = {
  device: 'not asked',
  families: [4, 6],
  owns: undefined,
  transactionLimit: undefined,
  notes: [],
};

/** What one look at a device gave: everything that a plan is made from. */
export interface Look {
  readonly capabilities: Capabilities;
  readonly actual: Actual;
  readonly wanted: Translation;
  readonly steps: readonly Step[];
  readonly plan: Plan;
  /** Lists that the device has yet to fetch. */
  readonly behind: readonly ListBehind[];
}

/** Firewalls that a command is about, and whether all that were asked for are among them. */
export interface Asked {
  readonly views: readonly (FirewallView & { readonly ruleset: Ruleset })[];
  /** Some have mistakes of their own, or cannot be read at all; that was told. */
  readonly leftOut: boolean;
}

/**
 * Firewalls that a command is about: one by name, or all; sorted. Those with mistakes of their own are told and left out. `believes`: who says
 * as which cluster a firewall is kept; where the option does, its status is not asked.
 */
export function viewsOf(
  terminal: Terminal,
  { world, cluster = NO_CLUSTER }: CommandWorld,
  only?: string,
  believes: 'Status' | 'Option' = 'Status',
): Asked {
  const names = [...new Set([...world.firewalls.keys(), ...world.unread.keys()])].sort(compareUtf8);
  if (names.length === 0)
    throw new SallyportError(
      'NOT_FOUND',
      'this world has no BorderFirewall; describe yours in a manifest of that kind',
    );
  if (only !== undefined && !names.includes(only)) {
    const near = closest(only, names);
    const hint = near === undefined ? `there are ${names.join(', ')}` : `did you mean "${near}"?`;
    throw new SallyportError('NOT_FOUND', `no BorderFirewall is named "${only}"; ${hint}`);
  }
  const asked = only === undefined ? names : [only];
  const views = asked.flatMap((name) => {
    const view = world.firewalls.get(name);
    if (view !== undefined) {
      const { status: _, ...stripped } = view.firewall;
      const firewall = believes === 'Status' ? view.firewall : stripped;
      const mistakes = deviceMistakes(firewall, cluster);
      printDiagnostics(terminal, mistakes);
      if (view.ruleset !== undefined && mistakes.every(({ severity }) => severity !== 'error'))
        return [{ firewall, ruleset: view.ruleset, findings: view.findings }];
      if (view.ruleset === undefined) printDiagnostics(terminal, view.findings);
    } else {
      // The rest of what is wrong with one that cannot be read was told with the world.
      const unread = world.unread.get(name);
      if (unread !== undefined) printDiagnostics(terminal, deviceMistakes(unread));
    }
    terminal.err(`${name}: its mistakes leave nothing to plan; its device keeps what it holds`);
    return [];
  });
  return { views, leftOut: views.length < asked.length };
}

/** What keeps these firewalls from holding all that was asked for, and what concerns no one firewall. */
export function findingsOf({ world }: CommandWorld, { views }: Asked): readonly Finding[] {
  const names = new Set(views.map(({ firewall }) => firewall.name));
  const common = world.border.findings().filter(({ firewall }) => firewall === undefined || names.has(firewall));
  return [...common, ...views.flatMap(({ findings }) => findings)];
}

/** What came of the work on each device, and whether it was done on all that were asked for. */
export interface Worked<R> {
  readonly results: readonly R[];
  readonly incomplete: boolean;
}

/**
 * Runs work on each firewall's opened device, one after the other, and closes it whatever happens. What goes wrong at one firewall is told
 * and keeps none of the others waiting; `ofOne`: what goes wrong at the only one is thrown, or told like that of many. `writes`: in a cluster
 * the firewall's Lease is taken first and given back at the end.
 */
export async function onDevices<R>(
  terminal: Terminal,
  read: CommandWorld,
  { views, leftOut }: Asked,
  work: (firewall: CommandFirewall) => Promise<R>,
  { ofOne = 'throw', writes = false }: { readonly ofOne?: 'throw' | 'tell'; readonly writes?: boolean } = {},
): Promise<Worked<R>> {
  const results: R[] = [];
  let incomplete = leftOut;
  const cluster = read.cluster ?? NO_CLUSTER;
  const surroundings = {
    log: silentLog,
    cluster,
    stateFolder: stateFolder(cluster, process.env),
    by: `user ${userInfo().username}`,
    places: { environment: process.env, secrets: read.secrets },
  };
  for (const view of views) {
    const { firewall, ruleset } = view;
    try {
      const lease = writes ? await read.takeLease?.(firewall.name) : undefined;
      try {
        const device = openDevice(firewall, surroundings, lease?.grant);
        try {
          const isElsewhere = read.isFromAnywhere === true && isOfThisMachine(firewall.address);
          results.push(await work({ name: firewall.name, view, ruleset, device, isElsewhere }));
        } finally {
          await device.close();
        }
      } finally {
        await lease?.giveBack();
      }
    } catch (thrown) {
      const error = ofFirewall(firewall.name, toSallyportError(thrown));
      if (views.length === 1 && ofOne === 'throw') throw error;
      incomplete = true;
      terminal.err(`error ${error.code}: ${error.message}`);
      terminal.err(catalogue[error.code].fix);
    }
  }
  return { results, incomplete };
}

/** Whose error it is, said first. */
function ofFirewall(name: string, error: SallyportError): SallyportError {
  const { code, message, details } = error;
  return new RegExp(`^${name}\\b`).test(message)
    ? error
    : new SallyportError(code, `${name}: ${message}`, details, error);
}

/** Forms of an address that mean the machine of whoever uses them. */
function isOfThisMachine(address: string): boolean {
  return address === 'local' || address.startsWith('netns:');
}

/** The device, to be asked or written to. Throws where nobody knows that the one here is meant. */
export function deviceHere({ name, view, device, isElsewhere }: CommandFirewall): Driver {
  if (!isElsewhere) return device.driver;
  throw new SallyportError(
    'DEVICE_ELSEWHERE',
    `${name} has the address ${view.firewall.address}, which means the machine that it is used on; use -c with the configuration of that machine, there`,
  );
}

/** A ruleset in a device's terms, worked out first where that takes long. */
export async function translated(
  driver: Driver,
  ruleset: Ruleset,
  capabilities: Capabilities,
  signal: AbortSignal,
): Promise<Translation> {
  await driver.prepare?.(ruleset, capabilities, signal);
  return driver.translate(ruleset, capabilities);
}

/** Reads a device and makes the plan for it. */
export async function lookAt(firewall: CommandFirewall, signal: AbortSignal): Promise<Look> {
  const { ruleset } = firewall;
  const driver = deviceHere(firewall);
  const capabilities = await driver.capabilities(signal);
  const actual = await driver.observe(signal);
  const wanted = await translated(driver, ruleset, capabilities, signal);
  const steps = driver.steps(actual, wanted);
  const plan = planOf({ desired: ruleset, actual, wanted, steps, render: (step) => driver.render(step) });
  const behind = driver.behind?.(actual, wanted) ?? [];
  return { capabilities, actual, wanted, steps, plan, behind };
}

/** Open connections that a plan takes the right from, and whether they end with it. */
export interface Connections {
  readonly noLongerAllowed: number;
  readonly established: 'Cut' | 'Keep';
}

/** Absent where nothing is to be done, or the device does not tell: it is worth knowing, and no more. */
export async function connectionsUnder(
  { ruleset, device: { driver } }: CommandFirewall,
  { actual, wanted, steps }: Look,
  signal: AbortSignal,
): Promise<Connections | undefined> {
  if (steps.length === 0) return undefined;
  const count = (): Promise<number | undefined> | undefined => {
    if (driver.outlawed !== undefined) return driver.outlawed(actual, wanted, signal);
    const now = { ruleset, behaviour: wanted.behaviour, owners: undefined };
    return driver.connections && countLost(driver.connections, actual, now, signal);
  };
  try {
    const noLongerAllowed = await count();
    return noLongerAllowed === undefined ? undefined : { noLongerAllowed, established: ruleset.established };
  } catch (thrown) {
    if (thrown instanceof SallyportError && thrown.code === 'PROGRAM_MISSING') return undefined;
    throw thrown;
  }
}

/** For people; nothing where no connection loses its right. */
export function connectionsText(firewall: string, connections: Connections | undefined): readonly string[] {
  if (connections === undefined || connections.noLongerAllowed === 0) return [];
  const { noLongerAllowed: count, established } = connections;
  const what = `${count} open ${count === 1 ? 'connection is' : 'connections are'} no longer allowed`;
  return [
    `note: ${firewall}: ${what}; with established: ${established} ${established === 'Cut' ? 'they end' : 'they go on'}`,
  ];
}

/** Who sends from an address, for people: the pods that have it, or the node whose it is. */
export function namesOf({ world }: CommandWorld): (address: string) => string | undefined {
  const nodes = new Map(
    [...world.inventory.nodes.values()].flatMap((node) =>
      node.addresses.map(({ address }) => [formatAddress(address), `node ${node.name}`] as const),
    ),
  );
  return (address) => world.owners.get(address)?.replaceAll('pod:', '') ?? nodes.get(address);
}
