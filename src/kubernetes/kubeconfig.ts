import { resolve } from 'node:path';
import { type Clock, systemClock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { visibleLine } from '../base/visible.ts';
import { AuthProviderTokens } from './auth-provider.ts';
import { ExecPlugin } from './exec-plugin.ts';
import { type CredentialMaker, type Given, GivenCredentials, type GivenParts } from './given-credentials.ts';
import { type ApiServer, HttpApiClient } from './http-api-client.ts';
import type { Connected } from './in-cluster.ts';
import {
  type ChosenContext,
  chooseContext,
  invalid,
  type KubeconfigCluster,
  type KubeconfigUser,
  kubeconfigPaths,
  type Placed,
} from './kubeconfig-file.ts';

export interface FromKubeconfig {
  /** One file; absent: those of KUBECONFIG, else `~/.kube/config`. */
  readonly path?: string | undefined;
  /** Absent: the current one. */
  readonly context?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  /** Somebody sits at a terminal: a plugin may ask. */
  readonly isInteractive?: boolean;
  readonly clock?: Clock;
}

/**
 * As the user of a kubeconfig's context. Asks nothing of the server yet, and runs no plugin. Throws `KUBECONFIG_INVALID`. Files that the
 * kubeconfig names are read again when they change; the kubeconfig itself is not.
 */
export async function connectKubeconfig(from: FromKubeconfig): Promise<Connected> {
  const { environment, log, clock = systemClock, isInteractive = false } = from;
  const paths = kubeconfigPaths(from.path, environment);
  const chosen = await chooseContext(paths, from.context);
  const where = `${paths.join(', ')} (context ${visibleLine(chosen.name)})`;
  const server = serverOf(chosen, where);
  if (server.isInsecure)
    log.warn(
      { server: server.url.host, context: chosen.name },
      'INSECURE: insecure-skip-tls-verify: whoever answers at this address is believed, and gets our credentials',
    );
  const authorities = authoritiesOf(chosen.cluster, server, where);
  const isSecret = server.url.protocol === 'https:';
  if (!isSecret && chosen.user !== undefined)
    log.warn({ server: server.url.host }, 'the API server is asked without TLS, so it is told nothing of who asks');
  const user = isSecret && chosen.user !== undefined ? chosen.user : { value: {}, folder: '' };
  const surroundings = { environment, clock, isInteractive, clusterInfo: clusterInfoOf(chosen.cluster.value) };
  const credentials = new GivenCredentials({ authorities, ...partsOf(user, where, surroundings) }, clock);
  return {
    client: new HttpApiClient(server, credentials, clock),
    title: `context ${visibleLine(chosen.name)} (${server.url.origin})`,
    namespace: chosen.namespace,
    context: chosen.name,
    server: server.url.href,
  };
}

function serverOf({ name, cluster: { value } }: ChosenContext, where: string): ApiServer {
  const url = urlOf(value.server, ['http:', 'https:']);
  if (url === undefined) throw invalid(where, 'server is no http: or https: address');
  if (url.username !== '' || url.password !== '') throw invalid(where, 'server holds a user; it belongs into users');
  const proxy = value['proxy-url'] ? urlOf(value['proxy-url'], ['http:', 'https:']) : undefined;
  if (value['proxy-url'] && proxy === undefined) throw invalid(where, 'proxy-url is no http: or https: address');
  const isInsecure = value['insecure-skip-tls-verify'] === true;
  return {
    title: `${url.origin} (context ${visibleLine(name)})`,
    url,
    serverName: value['tls-server-name'] || undefined,
    isInsecure,
    proxy,
  };
}

function urlOf(text: string, protocols: readonly string[]): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  return protocols.includes(url.protocol) ? url : undefined;
}

function authoritiesOf(
  { value, folder }: Placed<KubeconfigCluster>,
  { isInsecure }: ApiServer,
  where: string,
): Given | undefined {
  const given = dataOrFile(value['certificate-authority-data'], value['certificate-authority'], folder);
  if (given !== undefined && isInsecure)
    throw invalid(where, 'has both a certificate authority and insecure-skip-tls-verify; remove one of them');
  return given;
}

/** Data stands before a file, as with kubectl. */
function dataOrFile(
  data: string | null | undefined,
  file: string | null | undefined,
  folder: string,
): Given | undefined {
  if (data) return { text: Buffer.from(data, 'base64').toString('utf8') };
  return file ? { file: resolve(folder, file) } : undefined;
}

function partsOf(
  { value: user, folder }: Placed<KubeconfigUser>,
  where: string,
  surroundings: ConstructorParameters<typeof ExecPlugin>[1],
): Omit<GivenParts, 'authorities'> {
  const certificate = dataOrFile(user['client-certificate-data'], user['client-certificate'], folder);
  const key = dataOrFile(user['client-key-data'], user['client-key'], folder);
  if ((certificate === undefined) !== (key === undefined))
    throw invalid(where, 'has a client certificate without its key, or a key without its certificate');
  const token: Given | undefined = user.tokenFile
    ? { file: resolve(folder, user.tokenFile) }
    : user.token
      ? { text: user.token }
      : undefined;
  const basic = user.username ? { username: user.username, password: user.password ?? '' } : undefined;
  const ways = { token, 'username and password': basic, exec: user.exec, 'auth-provider': user['auth-provider'] };
  const given = Object.entries(ways).flatMap(([way, what]) => (what ? [way] : []));
  if (given.length > 1) throw invalid(where, `its user has ${given.join(' and ')}; one of them only can be shown`);
  return {
    certificate,
    key,
    token,
    basic,
    maker: makerOf(user, folder, surroundings),
    impersonation: impersonationOf(user, where),
  };
}

function makerOf(
  { exec, 'auth-provider': provider }: KubeconfigUser,
  folder: string,
  surroundings: ConstructorParameters<typeof ExecPlugin>[1],
): CredentialMaker | undefined {
  if (exec) return new ExecPlugin({ value: exec, folder }, surroundings);
  return provider ? new AuthProviderTokens({ name: provider.name, config: provider.config ?? {} }) : undefined;
}

/** @see https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation */
function impersonationOf(user: KubeconfigUser, where: string): Readonly<Record<string, string | string[]>> {
  const { as, 'as-uid': uid, 'as-groups': groups, 'as-user-extra': extra } = user;
  if (!as) {
    // Without a user the server takes no notice of the rest, and we would act with more rights than were meant.
    if (uid || groups || extra) throw invalid(where, 'as-uid, as-groups and as-user-extra need `as`');
    return {};
  }
  const headers: Record<string, string | string[]> = { 'impersonate-user': as };
  if (uid) headers['impersonate-uid'] = uid;
  if (groups) headers['impersonate-group'] = groups;
  for (const [key, values] of Object.entries(extra ?? {}))
    headers[`impersonate-extra-${encodeURIComponent(key).toLowerCase()}`] = values;
  return headers;
}

/** The cluster as plugins are told it, in their own names. */
function clusterInfoOf(cluster: KubeconfigCluster): object {
  return {
    server: cluster.server,
    'tls-server-name': cluster['tls-server-name'] ?? undefined,
    'insecure-skip-tls-verify': cluster['insecure-skip-tls-verify'] ?? undefined,
    'certificate-authority-data': cluster['certificate-authority-data'] ?? undefined,
    'proxy-url': cluster['proxy-url'] ?? undefined,
  };
}
