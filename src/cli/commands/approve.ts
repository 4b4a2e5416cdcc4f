import { userInfo } from 'node:os';
import { OUR_GROUP } from '../../api/kinds.ts';
import { isMap } from '../../api/shape.ts';
import { closest } from '../../base/closest.ts';
import { systemClock } from '../../base/clock.ts';
import { SallyportError } from '../../base/error.ts';
import { FolderApprovals, stateFolder } from '../../controller/state/state-folder.ts';
import type { ApiClient } from '../../kubernetes/api-client.ts';
import { type ClusterPlace, connectCluster } from '../cluster.ts';
import { type ExitCode, exit } from '../exit.ts';
import { viewsOf } from '../firewalls.ts';
import type { OutputOptions, WorldOptions } from '../options.ts';
import { printResult, type Terminal } from '../terminal.ts';
import { usage } from '../usage.ts';
import { placeOf, readWholeWorld } from '../world.ts';

interface ApproveOptions extends WorldOptions, OutputOptions {
  readonly plan: string;
}

const FIREWALLS = { group: OUR_GROUP, version: 'v1alpha1', plural: 'borderfirewalls' };
const APPROVALS = { group: OUR_GROUP, version: 'v1alpha1', plural: 'borderapprovals' };
/** Of a name that the server completes. */
const LONGEST_PREFIX = 200;

/**
 * `sallyport approve FIREWALL --plan DIGEST`: makes a BorderApproval in a cluster; with manifests, leaves a yes for the running controller
 * of this machine.
 */
export async function approve(terminal: Terminal, options: ApproveOptions, firewall: string): Promise<ExitCode> {
  const { plan: digest } = options;
  if (!/^[0-9a-f]{64}$/.test(digest))
    throw usage('a digest is 64 hexadecimal digits; `sallyport plan` and the log print it');
  const place = placeOf(terminal, options);
  const given =
    place.kind === 'Cluster'
      ? await approveInCluster(terminal, place, firewall, digest)
      : await approveHere(terminal, options, firewall);
  if (given === undefined) return exit.wrong;
  printResult(terminal, options.output, 'Approved', { firewall, digest, ...given }, () => {
    const name = given.object === undefined ? '' : ` (BorderApproval ${given.object})`;
    return `yes to plan ${digest.slice(0, 12)}… of ${firewall}${name}; it lapses when the plan changes, or after an hour`;
  });
  return exit.done;
}

/** `undefined`: the firewall has mistakes, which were told. */
async function approveHere(
  terminal: Terminal,
  options: ApproveOptions,
  firewall: string,
): Promise<{ readonly object?: string } | undefined> {
  const read = await readWholeWorld(terminal, options);
  if (viewsOf(terminal, read, firewall).leftOut) return undefined;
  if (read.cluster === undefined)
    throw new SallyportError('CLUSTER_UNNAMED', 'which cluster the yes is for is not known');
  await new FolderApprovals(stateFolder(read.cluster)).put({
    firewall,
    digest: options.plan,
    madeAt: systemClock.wall(),
    by: userInfo().username,
  });
  return {};
}

/** Reads no world: whoever says yes needs no right to read pods. */
async function approveInCluster(
  terminal: Terminal,
  place: ClusterPlace,
  firewall: string,
  digest: string,
): Promise<{ readonly object: string }> {
  const { createObject, getObject } = await import('../../kubernetes/objects.ts');
  const { client } = await connectCluster(terminal, place);
  const { signal } = new AbortController();
  try {
    const found = await getObject(client, FIREWALLS, { name: firewall }, signal);
    if (found === undefined) throw new SallyportError('NOT_FOUND', await unknownFirewall(client, firewall, signal));
    const waiting = waitingDigest(found);
    if (waiting !== digest) {
      const what = waiting === undefined ? 'no plan of it waits' : `the plan ${waiting.slice(0, 12)}… waits`;
      terminal.err(`note: as ${firewall} says, ${what}; a yes is to exactly the plan that it names`);
    }
    const body = {
      apiVersion: `${APPROVALS.group}/${APPROVALS.version}`,
      kind: 'BorderApproval',
      metadata: { generateName: `${firewall.slice(0, LONGEST_PREFIX)}-` },
      spec: { firewall, digest },
    };
    const made = await createObject(client, APPROVALS, {}, body, signal);
    const { metadata } = isMap(made) ? made : {};
    return { object: isMap(metadata) ? String(metadata['name']) : '' };
  } finally {
    await client.close();
  }
}

/** The digest of the plan that waits, as the status of a BorderFirewall has it. */
function waitingDigest(firewall: unknown): string | undefined {
  const status = isMap(firewall) && isMap(firewall['status']) ? firewall['status'] : {};
  const digest = isMap(status['plan']) ? status['plan']['digest'] : undefined;
  return typeof digest === 'string' ? digest : undefined;
}

async function unknownFirewall(client: ApiClient, name: string, signal: AbortSignal): Promise<string> {
  const { resourcePath } = await import('../../kubernetes/resource-path.ts');
  const answer = await client.call({ method: 'GET', path: resourcePath(FIREWALLS) }, signal);
  const items = isMap(answer) && Array.isArray(answer['items']) ? (answer['items'] as readonly unknown[]) : [];
  const names = items.flatMap((item) =>
    isMap(item) && isMap(item['metadata']) ? [String(item['metadata']['name'])] : [],
  );
  const near = closest(name, names);
  const hint = near === undefined ? `there are: ${names.toSorted().join(', ') || 'none'}` : `did you mean "${near}"?`;
  return `no BorderFirewall is named "${name}"; ${hint}`;
}
