import { readFile } from 'node:fs/promises';
import { delimiter, dirname, join, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { closest } from '../base/closest.ts';
import { SallyportError } from '../base/error.ts';
import { visibleLine } from '../base/visible.ts';

const text = z.string().nullish();
const texts = z.array(z.string()).nullish();

/** Keys that are not here mean nothing to us, as they mean nothing to kubectl. */
const clusterSchema = z.object({
  server: z.string(),
  'certificate-authority': text,
  'certificate-authority-data': text,
  'insecure-skip-tls-verify': z.boolean().nullish(),
  'tls-server-name': text,
  'proxy-url': text,
});
const execSchema = z.object({
  apiVersion: z.enum(['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1']),
  command: z.string().min(1),
  args: texts,
  env: z.array(z.object({ name: z.string(), value: z.string() })).nullish(),
  installHint: text,
  provideClusterInfo: z.boolean().nullish(),
  interactiveMode: z.enum(['Never', 'IfAvailable', 'Always']).nullish(),
});
const userSchema = z.object({
  token: text,
  tokenFile: text,
  'client-certificate': text,
  'client-certificate-data': text,
  'client-key': text,
  'client-key-data': text,
  username: text,
  password: text,
  as: text,
  'as-uid': text,
  'as-groups': texts,
  'as-user-extra': z.record(z.string(), z.array(z.string())).nullish(),
  exec: execSchema.nullish(),
  'auth-provider': z.object({ name: z.string(), config: z.record(z.string(), z.unknown()).nullish() }).nullish(),
});
const contextSchema = z.object({ cluster: z.string(), user: text, namespace: text });

const named = { name: z.string() };
const fileSchema = z.object({
  'current-context': text,
  clusters: z.array(z.object({ ...named, cluster: clusterSchema })).nullish(),
  users: z.array(z.object({ ...named, user: userSchema.nullish() })).nullish(),
  contexts: z.array(z.object({ ...named, context: contextSchema })).nullish(),
});

export type KubeconfigCluster = z.infer<typeof clusterSchema>;
export type KubeconfigUser = z.infer<typeof userSchema>;
export type KubeconfigExec = z.infer<typeof execSchema>;

/** One entry, and the folder of its file: relative paths count from there. */
export interface Placed<T> {
  readonly value: T;
  readonly folder: string;
}

/** What a context leads to. */
export interface ChosenContext {
  readonly name: string;
  readonly namespace: string | undefined;
  readonly cluster: Placed<KubeconfigCluster>;
  /** Absent: nobody, which few servers let in. */
  readonly user: Placed<KubeconfigUser> | undefined;
}

/** Which files: the given one, else those of KUBECONFIG, else the one in the home folder. */
export function kubeconfigPaths(
  given: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const home = environment['HOME'] ?? '/';
  if (given !== undefined) return [resolve(given.startsWith('~/') ? join(home, given.slice(2)) : given)];
  const listed = (environment['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '');
  return listed.length > 0 ? listed.map((path) => resolve(path)) : [join(home, '.kube', 'config')];
}

/**
 * Several files as one, as kubectl takes them: of one name, or of `current-context`, the first file that has it counts. Files that are not
 * there are passed over; one at least has to be. Nothing of a text stands in an error, because it holds secrets.
 * @see https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
 */
export async function chooseContext(paths: readonly string[], wanted: string | undefined): Promise<ChosenContext> {
  const clusters = new Map<string, Placed<KubeconfigCluster>>();
  const users = new Map<string, Placed<KubeconfigUser>>();
  const contexts = new Map<string, z.infer<typeof contextSchema>>();
  let current = wanted ?? '';
  let isRead = false;
  for (const path of paths) {
    const content = await readFile(path, 'utf8').catch((thrown: NodeJS.ErrnoException) => {
      if (thrown.code === 'ENOENT') return undefined;
      throw invalid(path, `cannot be read: ${thrown.code ?? thrown.message}`);
    });
    if (content === undefined) continue;
    isRead = true;
    const folder = dirname(path);
    const file = parseKubeconfig(content, path);
    if (current === '') current = file['current-context'] ?? '';
    for (const { name, cluster } of file.clusters ?? []) addFirst(clusters, name, { value: cluster, folder });
    for (const { name, user } of file.users ?? []) addFirst(users, name, { value: user ?? {}, folder });
    for (const { name, context } of file.contexts ?? []) addFirst(contexts, name, context);
  }
  const where = paths.join(', ');
  if (!isRead) throw invalid(where, 'there is no such file');
  if (current === '') throw invalid(where, `no current-context; name one of its contexts: ${list(contexts)}`);
  const context = find(contexts, current, 'context', where);
  return {
    name: current,
    namespace: context.namespace ?? undefined,
    cluster: find(clusters, context.cluster, 'cluster', where),
    user: context.user ? find(users, context.user, 'user', where) : undefined,
  };
}

function parseKubeconfig(content: string, path: string): z.infer<typeof fileSchema> {
  const lineCounter = new LineCounter();
  // Pretty errors quote the text.
  const document = parseDocument(content, { lineCounter, prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lineCounter.linePos(error.pos[0]);
    throw invalid(path, `is no YAML at line ${line}, column ${col} (${error.code})`);
  }
  let value: unknown;
  try {
    value = document.toJS() ?? {};
  } catch {
    throw invalid(path, 'is no YAML: its aliases lead nowhere, or to too much');
  }
  const parsed = fileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues.map((issue) => `${placeOf(issue.path)}: ${issue.message}`);
  throw invalid(path, mistakes.join('; '));
}

function placeOf(path: readonly PropertyKey[]): string {
  return path.length === 0 ? 'the file' : path.map(String).join('.');
}

function addFirst<T>(all: Map<string, T>, name: string, value: T): void {
  if (!all.has(name)) all.set(name, value);
}

function find<T>(all: ReadonlyMap<string, T>, name: string, what: string, where: string): T {
  const found = all.get(name);
  if (found !== undefined) return found;
  const near = closest(name, all.keys());
  const hint = near === undefined ? `it has: ${list(all)}` : `did you mean "${visibleLine(near)}"?`;
  throw invalid(where, `has no ${what} "${visibleLine(name)}"; ${hint}`);
}

function list(all: ReadonlyMap<string, unknown>): string {
  return visibleLine([...all.keys()].toSorted().join(', ')) || 'none';
}

/** A mistake in a kubeconfig. */
export function invalid(where: string, what: string): SallyportError {
  return new SallyportError('KUBECONFIG_INVALID', `kubeconfig ${where}: ${what}`);
}
