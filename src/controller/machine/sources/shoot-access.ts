import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { isMap, type RawMap } from '../../../api/shape.ts';
import type { Clock } from '../../../base/clock.ts';
import { elapsed } from '../../../base/elapsed.ts';
import { SallyportError, toSallyportError } from '../../../base/error.ts';
import type { Log } from '../../../base/log.ts';
import { readSecret } from '../../../kubernetes/secret.ts';
import { readIfThere, replaceFile } from '../rule-files.ts';
import type { ClusterAccess } from './cluster-source.ts';

/** The token rotates; its Secret may be read by name only, so that it is asked for again and again (reference 3.1). */
const REFRESH_MS = 300_000;
const RETRY_MS = 10_000;
const LOOK_MS = 1_000;
/** The name that today's controller gives the file of the token (reference 1.1). */
const TOKEN_FILE = 'firewall-controller-manager-token';

export interface ShootAccessOptions {
  /** The kubeconfig that is written; the token lies beside it. */
  readonly file: string;
  /** The cluster of the Firewall; `undefined`: not yet. */
  readonly seed: () => ClusterAccess | undefined;
  /** `status.shootAccess` of the Firewall. */
  readonly access: () => unknown;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Keeps a kubeconfig on disk as the Firewall's `status.shootAccess` says, and its token fresh. What was written last stays when the seed
 * is away, so that the workload cluster is reached without it, over restarts too.
 */
export class ShootAccess {
  readonly #options: ShootAccessOptions;
  #failure = '';

  constructor(options: ShootAccessOptions) {
    this.#options = options;
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, access, seed } = this.#options;
    let done = '';
    let next = 0;
    while (!signal.aborted) {
      const wanted = access();
      const client = seed();
      const text = JSON.stringify(wanted);
      if (isMap(wanted) && Object.keys(wanted).length > 0 && client !== undefined)
        if (text !== done || clock.monotonic() >= next) {
          try {
            await this.#refresh(wanted, client, signal);
            if (this.#failure !== '') log.info({}, 'the access to the workload cluster is refreshed again');
            this.#failure = '';
            next = clock.monotonic() + REFRESH_MS;
          } catch (thrown) {
            if (signal.aborted) return;
            const { code, message } = toSallyportError(thrown);
            if (this.#failure !== message)
              log.warn(
                { code, problem: message },
                'the access to the workload cluster could not be refreshed; the one before stays',
              );
            this.#failure = message;
            next = clock.monotonic() + RETRY_MS;
          }
          done = text;
        }
      await elapsed(clock, LOOK_MS, signal);
    }
  }

  async #refresh(access: RawMap, { client }: ClusterAccess, signal: AbortSignal): Promise<void> {
    const { file } = this.#options;
    const word = (key: string): string => {
      const value = access[key];
      if (typeof value === 'string' && value !== '') return value;
      throw invalid(`status.shootAccess has no ${key}`);
    };
    const namespace = word('namespace');
    const secret = async (name: string, key: string): Promise<string> => {
      const value = (await readSecret(client, { namespace, name }, signal)).get(key);
      if (value === undefined || value === '') throw invalid(`Secret ${namespace}/${name} has no ${key}`);
      return value;
    };
    const generic = await secret(word('genericKubeconfigSecretName'), 'kubeconfig');
    const token = await secret(word('tokenSecretName'), 'token');
    const tokenFile = join(dirname(file), TOKEN_FILE);
    const kubeconfig = `${JSON.stringify(withAccess(generic, { server: word('apiServerURL'), namespace, tokenFile }))}\n`;
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    // The token first: who sees the kubeconfig has what it names.
    if ((await readIfThere(tokenFile)) !== token) await replaceFile(tokenFile, token);
    if ((await readIfThere(file)) !== kubeconfig) await replaceFile(file, kubeconfig);
  }
}

/** The generic kubeconfig, which holds exactly one of each, with this machine's server, namespace and token. */
function withAccess(
  text: string,
  { server, namespace, tokenFile }: { readonly server: string; readonly namespace: string; readonly tokenFile: string },
): object {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 0 });
  } catch {
    throw invalid('the generic kubeconfig is no YAML');
  }
  const config = isMap(value) ? value : {};
  const only = (list: string, inner: string): { readonly name: unknown; readonly value: RawMap } => {
    const entries = config[list];
    const entry: unknown = Array.isArray(entries) && entries.length === 1 ? entries[0] : undefined;
    if (!isMap(entry)) throw invalid(`the generic kubeconfig has to hold exactly one of ${list}`);
    return { name: entry['name'], value: isMap(entry[inner]) ? entry[inner] : {} };
  };
  const cluster = only('clusters', 'cluster');
  const user = only('users', 'user');
  const context = only('contexts', 'context');
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': context.name,
    clusters: [{ name: cluster.name, cluster: { ...cluster.value, server } }],
    users: [{ name: user.name, user: { tokenFile } }],
    contexts: [{ name: context.name, context: { cluster: cluster.name, user: user.name, namespace } }],
  };
}

function invalid(what: string): SallyportError {
  return new SallyportError('KUBECONFIG_INVALID', what);
}
