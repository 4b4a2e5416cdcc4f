import { SallyportError } from '../../base/error.ts';
import type { Configuration } from '../../controller/configuration/configuration.ts';
import type { Connected } from '../../kubernetes/in-cluster.ts';
import { isLoopback } from '../../base/loopback.ts';
import { type ClusterPlace, connectCluster, worldOf } from '../cluster.ts';
import { type Check, failed, ofDiagnostic, skipped } from '../doctor/checks.ts';
import { checkFirewalls } from '../doctor/firewalls.ts';
import { checkKinds } from '../doctor/kinds.ts';
import { checkPools } from '../doctor/pools.ts';
import { checkRights, type RightsQuestion } from '../doctor/rights.ts';
import { checkClock, checkIdentity, checkServer } from '../doctor/server.ts';
import { checkVisibility } from '../doctor/visibility.ts';
import { type ExitCode, exit } from '../exit.ts';
import type { OutputOptions, WorldOptions } from '../options.ts';
import { printResult, table, type Terminal } from '../terminal.ts';
import type { CommandWorld } from '../command-world.ts';
import { parseConfigurationFile, placeOf, readWorld } from '../world.ts';

type Options = WorldOptions & OutputOptions;

/** What only a cluster can be asked. */
const OF_CLUSTERS = ['server', 'identity', 'clock', 'rights', 'kinds'] as const;
/** What follows from objects. */
const OF_WORLDS = ['objects', 'pools', 'firewall', 'visibility'] as const;

/** `sallyport doctor`: everything that could stand in the way, and what the border will see. Changes nothing. */
export async function doctor(terminal: Terminal, options: Options): Promise<ExitCode> {
  const checks = await examine(terminal, options);
  const count = (result: Check['result']): number => checks.filter((check) => check.result === result).length;
  const [errors, warnings] = [count('Error'), count('Warning')];
  printResult(terminal, options.output, 'Examination', { errors, warnings, checks: [...checks] }, () =>
    [
      table([['RESULT', 'CHECK', 'ABOUT', 'FINDING'], ...checks.map(row)]),
      `${counted(errors, 'error')}, ${counted(warnings, 'warning')}`,
    ].join('\n'),
  );
  return errors === 0 ? exit.done : exit.wrong;
}

function row({ result, check, subject = '-', message, fix }: Check): readonly string[] {
  const finding = fix === undefined ? message : `${message}${/[.?]$/.test(message) ? '' : '.'} ${fix}`;
  return [result, check, subject, finding];
}

function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

async function examine(terminal: Terminal, options: Options): Promise<readonly Check[]> {
  const checks: Check[] = [];
  const configuration = options.config === undefined ? undefined : parseConfigurationFile(options.config);
  for (const diagnostic of configuration?.diagnostics ?? []) checks.push(ofDiagnostic('configuration', diagnostic));
  let place: ReturnType<typeof placeOf>;
  try {
    if (configuration !== undefined && configuration.value === undefined)
      return [...checks, ...skipped([...OF_CLUSTERS, ...OF_WORLDS], 'the configuration cannot be used')];
    // What is wrong with the configuration was taken above.
    place = placeOf({ ...terminal, err: () => {} }, options);
  } catch (thrown) {
    if (!(thrown instanceof SallyportError) || thrown.code === 'USAGE') throw thrown;
    checks.push(failed('configuration', thrown));
    return [...checks, ...skipped([...OF_CLUSTERS, ...OF_WORLDS], 'nothing says which world is meant')];
  }
  if (place.kind === 'Cluster') return [...checks, ...(await examineCluster(terminal, place, configuration?.value))];
  const why = 'manifests are read, which are no cluster';
  try {
    const read = await readWorld(terminal, options);
    checks.push({ check: 'configuration', result: 'OK', message: read.title }, ...skipped(OF_CLUSTERS, why));
    return [...checks, ...(await examineWorld(read, undefined))];
  } catch (thrown) {
    return [...checks, failed('objects', thrown)];
  }
}

async function examineCluster(
  terminal: Terminal,
  place: ClusterPlace,
  configuration: Configuration | undefined,
): Promise<readonly Check[]> {
  const { signal } = new AbortController();
  let connected: Connected;
  try {
    connected = await connectCluster(terminal, place);
  } catch (thrown) {
    const rest = skipped([...OF_CLUSTERS, ...OF_WORLDS], 'nothing says how to reach the API server');
    return [failed('configuration', thrown), ...rest];
  }
  const { client: api, title, namespace = 'default' } = connected;
  const checks: Check[] = [{ check: 'configuration', result: 'OK', message: title }];
  try {
    try {
      checks.push(await checkServer(api, api.title, signal));
    } catch (thrown) {
      const rest = [...OF_CLUSTERS.slice(1), ...OF_WORLDS];
      return [...checks, failed('server', thrown), ...skipped(rest, 'the API server cannot be asked')];
    }
    checks.push(await checkIdentity(api, signal), checkClock(api));
    const read = await attempt(checks, 'objects', () => worldOf(terminal, place, connected));
    const { discover } = await import('../../kubernetes/discovery.ts');
    await attempt(checks, 'rights', async () => {
      const served = await discover(api, signal);
      const uses = configuration === undefined ? undefined : usesOf(configuration);
      const secrets = read?.world.state.kind === 'complete' ? secretsOf(read) : undefined;
      const question: RightsQuestion = {
        api,
        served,
        namespace,
        ...(uses !== undefined && { uses }),
        ...(secrets !== undefined && { secrets }),
      };
      checks.push(...(await checkRights(question, signal)), ...(await checkKinds(api, served, signal)));
    });
    return read === undefined ? checks : [...checks, ...(await examineWorld(read, connected))];
  } finally {
    await api.close();
  }
}

/** What goes wrong is one check. */
async function attempt<T>(checks: Check[], check: Check['check'], work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (thrown) {
    checks.push(failed(check, thrown));
    return undefined;
  }
}

/** What a configuration makes use of. */
function usesOf({ queries }: Configuration): NonNullable<RightsQuestion['uses']> {
  return (feature) => {
    switch (feature) {
      case 'queries':
        return queries !== undefined && !isLoopback(queries.host);
      case 'readiness':
        return false;
      default:
        return true;
    }
  };
}

/** Names of Secrets that hold credentials of firewalls. */
function secretsOf({ world }: CommandWorld): readonly string[] {
  return [...world.inventory.borderFirewalls.values()].flatMap(({ credentialsRef }) =>
    credentialsRef !== undefined && 'secret' in credentialsRef ? [credentialsRef.secret] : [],
  );
}

async function examineWorld(read: CommandWorld, connected: Connected | undefined): Promise<readonly Check[]> {
  const { world, diagnostics } = read;
  if (world.state.kind !== 'complete') {
    return [
      { check: 'objects', result: 'Error', message: `not all of them can be read: ${world.state.reason}` },
      ...skipped(OF_WORLDS.slice(1), 'what is there is not known'),
    ];
  }
  const { signal } = new AbortController();
  return [
    objectsCheck(diagnostics),
    ...checkPools(world),
    ...(await checkFirewalls(read, connected, signal)),
    ...checkVisibility(world),
  ];
}

function objectsCheck(diagnostics: CommandWorld['diagnostics']): Check {
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length;
  const warnings = diagnostics.length - errors;
  const message = `all are read; ${counted(errors, 'error')} and ${counted(warnings, 'warning')} in them`;
  if (diagnostics.length === 0) return { check: 'objects', result: 'OK', message: 'all are read, without a mistake' };
  return {
    check: 'objects',
    result: errors === 0 ? 'Warning' : 'Error',
    message,
    fix: '`sallyport validate` prints them.',
  };
}
