import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { type Clock, systemClock } from '../base/clock.ts';
import { SallyportError } from '../base/error.ts';
import type { ApiClient } from './api-client.ts';
import { GivenCredentials } from './given-credentials.ts';
import { HttpApiClient } from './http-api-client.ts';

/** Where the kubelet puts the service account of a pod. */
const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

/** A client, and what else is known from where it came. */
export interface Connected {
  readonly client: ApiClient;
  /** For people: which cluster it is. */
  readonly title: string;
  /** Our own namespace in a cluster; of the context, with a kubeconfig. */
  readonly namespace: string | undefined;
  /** The name of the kubeconfig's context; absent: there is none. */
  readonly context?: string;
  /** The server's address. */
  readonly server: string;
}

/** What connecting may touch, so that tests own it. */
export interface InCluster {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Of the service account; absent: where the kubelet puts it. */
  readonly folder?: string;
  readonly clock?: Clock;
}

/**
 * As the service account of the pod that this process runs in. Asks nothing of the server yet. Throws `KUBECONFIG_INVALID` outside of a
 * cluster. Token and authorities are read again when the kubelet replaces them.
 * @see https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
 */
export async function connectInCluster({
  environment,
  folder = FOLDER,
  clock = systemClock,
}: InCluster): Promise<Connected> {
  const host = environment['KUBERNETES_SERVICE_HOST'] ?? '';
  const port = environment['KUBERNETES_SERVICE_PORT'] ?? '';
  const address = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  if (host === '' || port === '' || !URL.canParse(address))
    throw new SallyportError(
      'KUBECONFIG_INVALID',
      'this process runs in no pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set; name a kubeconfig',
    );
  const credentials = new GivenCredentials(
    { authorities: { file: join(folder, 'ca.crt') }, token: { file: join(folder, 'token') } },
    clock,
  );
  const namespace = await readFile(join(folder, 'namespace'), 'utf8').then(
    (text) => text.trim(),
    () => {
      throw new SallyportError('KUBECONFIG_INVALID', `this pod has no service account: ${folder} cannot be read`);
    },
  );
  const url = new URL(address);
  const client = new HttpApiClient({ title: url.origin, url, isInsecure: false }, credentials, clock);
  return { client, title: `the cluster around this pod (${url.origin})`, namespace, server: url.href };
}
