import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import type { Code } from '../base/catalogue.ts';
import type { Diagnostic, Parsed } from '../base/diagnostic.ts';
import { closest } from '../base/closest.ts';
import { isLoopback } from '../base/loopback.ts';
import { readManifestText } from '../sources/manifests/document.ts';
import { type ConfiguredConsumer, feedsSchema, listen, pemFile, readFeeds, text } from './feeds-configuration.ts';

/** The file's form; docs/reference/configuration.md is made from it. */
export const configurationSchema = z.strictObject({
  name: text.optional().describe('this process, in the log; absent: the host name'),
  cluster: text
    .optional()
    .describe(
      'the owner of all that is created on devices; absent: what a cluster calls itself (the first 8 digits of the UID of its namespace kube-system); with manifests required before the first write',
    ),
  sources: z
    .record(
      z.string(),
      z.strictObject({
        manifests: text.optional().describe('a folder of manifests; it is watched'),
        kubeconfig: text
          .optional()
          .describe(
            'the file that tells how to reach the API server of a cluster; without it and `manifests` (`{}`): the cluster that this process runs in, as the service account of its pod',
          ),
        context: text.optional().describe('a context of the kubeconfig; absent: its current one'),
      }),
    )
    .describe('where objects come from, by names of your choice: each is a folder of manifests, or a cluster'),
  controllers: z
    .strictObject({
      border: z
        .strictObject({ source: z.string().describe('the name of its source') })
        .optional()
        .describe('keeps border firewalls in step; absent: off'),
      readiness: z
        .strictObject({
          account: text
            .optional()
            .describe(
              'a folder with `token` and `ca.crt` of the service account that writes, as Kubernetes mounts them; absent: whoever reads the source',
            ),
        })
        .optional()
        .describe(
          'writes the condition sallyport.dev/border of pods with that readiness gate, of the cluster that the border controller follows; absent: off',
        ),
    })
    .describe('what this process does'),
  server: z
    .strictObject({
      probes: listen
        .optional()
        .describe(
          'HOST:PORT of /healthz and /readyz, and on loopback of /metrics and /standing too; absent: none of them is served',
        ),
      queries: z
        .strictObject({
          listen: listen.describe(
            'HOST:PORT; beyond loopback `tls` is needed, and the API server of a source is asked whether the bearer token may `get` /metrics',
          ),
          tls: z
            .strictObject({
              cert: pemFile.describe('its certificate'),
              key: pemFile.describe('its key'),
            })
            .optional()
            .describe(
              'with it, whoever asks shows a bearer token of the cluster, whose API server decides; absent: no TLS',
            ),
        })
        .optional()
        .describe('/metrics and /standing for others than this machine; absent: not served'),
      readiness: listen
        .optional()
        .describe('HOST:PORT where `sallyport wait` asks whether its pod may start; absent: nobody can wait'),
    })
    .optional()
    .describe('what this process answers to'),
  feeds: feedsSchema
    .optional()
    .describe('lists of addresses for firewalls that fetch them; absent: none are given out'),
  audit: z
    .strictObject({
      mebibytes: z
        .int()
        .min(8)
        .max(1 << 20)
        .describe('of disk for the audit trails of all firewalls together; what was written longest ago goes'),
    })
    .optional()
    .describe('how much is kept of what was written to firewalls; absent: 1024 mebibytes for each of them'),
});

/** What the name of a cluster has to be, after the name of the field. */
export const CLUSTER_NAME_RULE = 'takes 1 to 63 of A-Z a-z 0-9 . _ - and begins and ends with a letter or digit';

/** Whether a text can name who owns what is created: it becomes part of marks on devices and of paths. */
export function isClusterName(text: string): boolean {
  return /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(text);
}

/** Where a server of this process listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Where a source reads. */
export type SourcePlace =
  | { readonly type: 'manifests'; readonly path: string }
  /** Without kubeconfig: the cluster that this process runs in. Without context: the current one. */
  | { readonly type: 'kubernetes'; readonly kubeconfig?: string; readonly context?: string };

/** The configuration file, read and checked; paths are absolute. */
export interface Configuration {
  /** This process, in the log. */
  readonly name: string;
  /** Who owns what we create; absent: what a cluster calls itself. Required before the first write. */
  readonly cluster: string | undefined;
  readonly sources: ReadonlyMap<string, SourcePlace>;
  /** The source of the border controller; absent: that controller is off. */
  readonly border: { readonly source: string } | undefined;
  /** Writes conditions of pods, as the service account in a folder (absolute) or as whoever reads the source; absent: off. */
  readonly gate: { readonly account: string | undefined } | undefined;
  readonly probes: Listen | undefined;
  /** Beyond loopback `tls` (absolute paths) is there, and a cluster that can say who may ask. */
  readonly queries:
    | (Listen & { readonly tls: { readonly cert: string; readonly key: string } | undefined })
    | undefined;
  /** Where init containers ask; absent: nowhere. */
  readonly readiness: Listen | undefined;
  /** Where firewalls fetch lists, and who they are. */
  readonly feeds:
    | (Listen & {
        readonly tls: { readonly cert: string; readonly key: string; readonly clientCA?: string };
        readonly consumers: readonly ConfiguredConsumer[];
      })
    | undefined;
  /** Bytes of all audit trails together; absent: each is limited by itself. */
  readonly auditBytes: number | undefined;
}

export interface Listen {
  readonly host: string;
  readonly port: number;
}

/** What reading a configuration may touch, so that tests own it. */
export interface Surroundings {
  readFile(path: string): string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Reads a configuration file's text. All mistakes at once, each with file, line, key and the correction.
 * Relative paths count from the file's folder.
 */
export function parseConfiguration(source: string, file: string, around: Surroundings): Parsed<Configuration> {
  const { objects, problems } = readManifestText(source, file);
  if (problems.length > 0) return { diagnostics: problems.map((problem) => ({ ...problem, code: 'CONFIG_SYNTAX' })) };
  const [only, second] = objects;
  const diagnostics: Diagnostic[] = [];
  const say = (
    severity: Diagnostic['severity'],
    code: Code,
    path: readonly (string | number)[],
    message: string,
  ): void => {
    diagnostics.push({
      severity,
      code,
      message,
      path: path.join('.'),
      at: only?.locate(path) ?? { file },
    });
  };
  const complain = (code: Code, path: readonly (string | number)[], message: string): void =>
    say('error', code, path, message);
  if (only === undefined || second !== undefined) {
    complain('CONFIG_SYNTAX', [], 'a configuration file holds exactly one YAML document');
    return { diagnostics };
  }

  const parsed = configurationSchema.safeParse(only.raw, { reportInput: true });
  const issues = parsed.error?.issues ?? [];
  for (const issue of issues) explain(issue, complain);
  // What is known of the file is checked all the same.
  const rest = configurationSchema.safeParse(withoutUnknownKeys(only.raw, issues));
  if (!rest.success) return { diagnostics: diagnostics.toSorted(byPlace) };

  const value = rest.data;
  const resolveText = (given: z.infer<typeof text>, path: readonly string[]): string => {
    if (typeof given === 'string') return given;
    if ('env' in given) {
      const found = around.environment[given.env];
      if (found === undefined) complain('CONFIG_SECRET', path, `the environment variable ${given.env} is not set`);
      return found ?? '';
    }
    try {
      return around.readFile(resolve(dirname(file), given.file)).trim();
    } catch {
      complain('CONFIG_SECRET', path, `the file ${given.file} cannot be read`);
      return '';
    }
  };

  const sources = new Map<string, SourcePlace>();
  for (const [name, given] of Object.entries(value.sources)) {
    const at = (key: 'manifests' | 'kubeconfig' | 'context'): string | undefined =>
      given[key] === undefined ? undefined : resolveText(given[key], ['sources', name, key]);
    const pathAt = (key: 'manifests' | 'kubeconfig'): string | undefined => {
      const path = at(key);
      return path === undefined ? undefined : resolve(dirname(file), path);
    };
    const [path, kubeconfig, context] = [pathAt('manifests'), pathAt('kubeconfig'), at('context')];
    if (path !== undefined && (kubeconfig ?? context) !== undefined)
      complain(
        'CONFIG_VALUE',
        ['sources', name],
        'is a folder or a cluster; remove `manifests`, or `kubeconfig` and `context`',
      );
    else if (context !== undefined && kubeconfig === undefined)
      complain('CONFIG_VALUE', ['sources', name, 'context'], 'is of a kubeconfig; name the file with `kubeconfig`');
    sources.set(
      name,
      path === undefined
        ? {
            type: 'kubernetes',
            ...(kubeconfig !== undefined && { kubeconfig }),
            ...(context !== undefined && { context }),
          }
        : { type: 'manifests', path },
    );
  }
  const border = value.controllers.border;
  if (border !== undefined && !sources.has(border.source)) {
    const near = closest(border.source, sources.keys());
    const known = [...sources.keys()].sort().join(', ') || 'none';
    const hint = near === undefined ? `sources here: ${known}` : `did you mean "${near}"?`;
    complain('CONFIG_SOURCE', ['controllers', 'border', 'source'], `there is no source "${border.source}"; ${hint}`);
  }
  const gate = value.controllers.readiness;
  if (gate !== undefined && sources.get(border?.source ?? '')?.type !== 'kubernetes')
    complain(
      'CONFIG_VALUE',
      ['controllers', 'readiness'],
      'there are no pods to write to: the source of controllers.border is no cluster; remove it',
    );
  const account = gate?.account && resolveText(gate.account, ['controllers', 'readiness', 'account']);
  const cluster = value.cluster === undefined ? undefined : resolveText(value.cluster, ['cluster']);
  if (cluster !== undefined && !isClusterName(cluster)) complain('CONFIG_VALUE', ['cluster'], CLUSTER_NAME_RULE);
  const listenAt = (given: string, path: readonly string[]): Listen => {
    const at = given.lastIndexOf(':');
    const port = Number(given.slice(at + 1));
    if (port < 1 || port > 65535) complain('CONFIG_VALUE', path, 'the port is 1 to 65535');
    return { host: given.slice(0, at).replace(/^\[|\]$/g, ''), port };
  };
  const { probes, queries, readiness } = value.server ?? {};
  const readinessAt = readiness === undefined ? undefined : listenAt(readiness, ['server', 'readiness']);
  const probesAt = probes === undefined ? undefined : listenAt(probes, ['server', 'probes']);
  const queriesAt = queries === undefined ? undefined : listenAt(queries.listen, ['server', 'queries', 'listen']);
  if (queriesAt !== undefined && !isLoopback(queriesAt.host)) {
    const path = ['server', 'queries', 'listen'];
    const reached = `others than this machine reach ${queriesAt.host}`;
    if (queries?.tls === undefined)
      complain(
        'CONFIG_VALUE',
        path,
        `${reached}: give tls: {cert: {file: PATH}, key: {file: PATH}}, or listen on 127.0.0.1`,
      );
    if (![...sources.values()].some(({ type }) => type !== 'manifests'))
      complain(
        'CONFIG_VALUE',
        path,
        `${reached}, and no source is a cluster that could say who may ask; listen on 127.0.0.1`,
      );
  }
  const lists =
    value.feeds &&
    readFeeds(value.feeds, file, {
      environment: around.environment,
      readFile: (path) => around.readFile(path),
      complain: say,
    });
  const listsAt = lists && listenAt(lists.listen, ['feeds', 'listen']);
  if (diagnostics.some(({ severity }) => severity === 'error')) return { diagnostics: diagnostics.toSorted(byPlace) };
  for (const name of sources.keys())
    if (name !== border?.source)
      diagnostics.push({
        severity: 'warning',
        code: 'CONFIG_SOURCE_UNUSED',
        path: `sources.${name}`,
        message: 'no controller uses this source, so nothing of it counts; remove it, or name it in controllers',
        at: only.locate(['sources', name]),
      });
  return {
    diagnostics,
    value: {
      name: value.name === undefined ? hostname() : resolveText(value.name, ['name']),
      cluster,
      sources,
      border: border === undefined ? undefined : { source: border.source },
      gate: gate && { account: account === undefined ? undefined : resolve(dirname(file), account) },
      probes: probesAt,
      readiness: readinessAt,
      feeds: lists && listsAt && { ...listsAt, tls: lists.tls, consumers: lists.consumers },
      auditBytes: value.audit && value.audit.mebibytes * 2 ** 20,
      queries:
        queriesAt === undefined
          ? undefined
          : {
              ...queriesAt,
              tls: queries?.tls && {
                cert: resolve(dirname(file), queries.tls.cert.file),
                key: resolve(dirname(file), queries.tls.key.file),
              },
            },
    },
  };
}

function byPlace(a: Diagnostic, b: Diagnostic): number {
  return (a.at?.line ?? 0) - (b.at?.line ?? 0) || (a.at?.column ?? 0) - (b.at?.column ?? 0);
}

/** What the schema's words for kinds of values mean to people who write YAML. */
const KINDS: Readonly<Record<string, string>> = {
  object: 'a mapping (`key: value` lines)',
  record: 'a mapping (`name: …` lines)',
  string: 'a text',
};

/** A schema issue as people say it. */
function explain(
  issue: z.core.$ZodIssue,
  complain: (code: Code, path: readonly (string | number)[], message: string) => void,
): void {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  switch (issue.code) {
    case 'unrecognized_keys':
      for (const key of issue.keys) {
        const known = knownKeys(path);
        const near = closest(key, known);
        const hint = near === undefined ? `known here: ${known.join(', ')}` : `did you mean "${near}"?`;
        complain('CONFIG_UNKNOWN_KEY', [...path, key], `"${key}" is not a key that this version knows; ${hint}`);
      }
      break;
    case 'invalid_union':
      complain(
        'CONFIG_VALUE',
        path,
        `${issue.input === undefined ? 'is missing; it ' : ''}takes a text, {file: PATH} or {env: NAME}`,
      );
      break;
    case 'invalid_type':
      complain(
        'CONFIG_VALUE',
        path,
        `${issue.input === undefined ? 'is missing; it ' : ''}takes ${KINDS[issue.expected] ?? issue.expected}`,
      );
      break;
    default:
      complain('CONFIG_VALUE', path, issue.message);
  }
}

/** A copy of what was read without the keys that issues call unknown; the same object where there are none. */
function withoutUnknownKeys(raw: unknown, issues: readonly z.core.$ZodIssue[]): unknown {
  const unknown = issues.filter((issue) => issue.code === 'unrecognized_keys');
  if (unknown.length === 0) return raw;
  const copy = structuredClone(raw);
  for (const { path, keys } of unknown) {
    let place: unknown = copy;
    for (const step of path) place = (place as Record<PropertyKey, unknown>)[step];
    for (const key of keys) Reflect.deleteProperty(place as object, key);
  }
  return copy;
}

/** The keys that a place of the file knows, for corrections. */
function knownKeys(path: readonly (string | number)[]): readonly string[] {
  let place: z.core.$ZodType | undefined = configurationSchema;
  for (const step of path) {
    place = bare(place);
    if (place instanceof z.ZodObject) place = (place.shape as Record<string, z.core.$ZodType>)[step];
    else if (place instanceof z.ZodArray) place = place.element;
    else if (place instanceof z.ZodRecord) place = place.valueType;
    else place = undefined;
  }
  place = bare(place);
  const objects = place instanceof z.ZodUnion ? place.options : [place];
  return objects.flatMap((one) => (one instanceof z.ZodObject ? Object.keys(one.shape) : []));
}

/** A schema without what says that it may be absent. */
function bare(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  return schema instanceof z.ZodOptional ? schema.unwrap() : schema;
}
