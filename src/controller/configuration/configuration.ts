import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { isMap } from '../../api/shape.ts';
import type { Code } from '../../base/catalogue.ts';
import type { Diagnostic, Parsed } from '../../base/diagnostic.ts';
import { isLoopback } from '../../base/loopback.ts';
import { readManifestText } from '../../sources/manifests/document.ts';
import { explainIssue, withoutUnknownKeys } from './configuration-mistakes.ts';
import {
  type ConfiguredConsumer,
  type FeedsSurroundings,
  feedsSchema,
  listen,
  pemFile,
  readFeeds,
  text,
} from './feeds-configuration.ts';
import {
  checkShootAccess,
  checkSource,
  type MachineConfiguration,
  machineControllers,
  machineSchema,
  readMachine,
} from './machine-configuration.ts';
import { sourceSchema } from './source-configuration.ts';
import { readSources, type SourcePlace } from './source-places.ts';
import { contentOf, isOfOneEntry, withEmptyParts, withoutEntries } from './static-content.ts';

/** The file's form; docs/reference/configuration.md is made from it. */
export const configurationSchema = z.strictObject({
  name: text.optional().describe('this process, in the log; absent: the host name'),
  cluster: text
    .optional()
    .describe(
      'the owner of all that is created on devices; absent: what a cluster calls itself (the first 8 digits of the UID of its namespace kube-system); with manifests required before the first write',
    ),
  sources: z
    .record(z.string(), sourceSchema)
    .describe(
      'where objects come from, by names of your choice: each is a folder of manifests, a cluster, the metal-api, or what stands in this file',
    ),
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
      ...machineControllers,
    })
    .describe('what this process does'),
  machine: machineSchema.optional().describe('of firewall machines: where their own files are'),
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

/** The configuration file, read and checked; paths are absolute. */
export interface Configuration {
  /** This process, in the log. */
  readonly name: string;
  /** Who owns what we create; absent: what a cluster calls itself. Required before the first write. */
  readonly cluster: string | undefined;
  readonly sources: ReadonlyMap<string, SourcePlace>;
  /** The source of the border controller; absent: that controller is off. */
  readonly border: { readonly source: string } | undefined;
  /** What a firewall machine runs; absent: this is none. */
  readonly machine: MachineConfiguration | undefined;
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

/** Parts of the file that nothing said of the others rests on. */
const APART = ['name', 'cluster', 'server', 'feeds', 'audit'] as const;

/** What was read, without those of these parts that cannot be read: their mistakes are told, and hide none beside them. */
function withoutBrokenParts(raw: unknown): unknown {
  if (!isMap(raw)) return raw;
  const broken = APART.filter((part) => !configurationSchema.shape[part].safeParse(raw[part]).success);
  return Object.fromEntries(Object.entries(raw).filter(([key]) => !broken.some((part) => part === key)));
}

function feedsOf(raw: unknown): object {
  return typeof raw === 'object' && raw !== null && 'feeds' in raw ? { feeds: raw.feeds } : {};
}

/** What reading a configuration may touch, so that tests own it. */
export interface Surroundings {
  readFile(path: string): string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Of this machine; absent: what the system says. */
  readonly hostname?: string | undefined;
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

  const raw = withEmptyParts(only.raw);
  const parsed = configurationSchema.safeParse(raw, { reportInput: true });
  const issues = parsed.error?.issues ?? [];
  for (const issue of issues) if (!isOfOneEntry(issue)) explainIssue(configurationSchema, issue, complain);
  // What is known of the file is checked all the same.
  const rest = configurationSchema.safeParse(
    withoutBrokenParts(withoutEntries(withoutUnknownKeys(raw, issues), issues)),
  );
  const aroundFeeds: FeedsSurroundings = {
    environment: around.environment,
    readFile: (path) => around.readFile(path),
    complain: say,
  };
  if (!rest.success) {
    // So are lists, whatever is wrong beside them.
    const feeds = configurationSchema.pick({ feeds: true }).safeParse(feedsOf(withoutUnknownKeys(raw, issues)));
    if (feeds.data?.feeds !== undefined) readFeeds(feeds.data.feeds, file, aroundFeeds);
    return { diagnostics: diagnostics.toSorted(byPlace) };
  }

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

  const reading = {
    file,
    environment: around.environment,
    resolveText,
    say,
    locate: only.locate,
    contentOf: (name: string) => contentOf(raw, name),
  };
  const sources = readSources(value.sources, reading);
  const border = value.controllers.border;
  for (const key of ['border', 'firewall', 'service', 'cwnp', 'monitor'] as const)
    checkSource(key, value.controllers[key]?.source, sources, say);
  checkShootAccess(sources, value.controllers.firewall?.source, say);
  const machine = readMachine(value.controllers, value.machine, reading);
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
    if (machine !== undefined)
      say(
        'warning',
        'CONFIG_VALUE',
        path,
        'a firewall machine answers these to itself alone, so they are not served; listen on 127.0.0.1',
      );
    const reached = `others than this machine reach ${queriesAt.host}`;
    if (machine === undefined && queries?.tls === undefined)
      complain(
        'CONFIG_VALUE',
        path,
        `${reached}: give tls: {cert: {file: PATH}, key: {file: PATH}}, or listen on 127.0.0.1`,
      );
    if (machine === undefined && ![...sources.values()].some(({ type }) => type !== 'manifests'))
      complain(
        'CONFIG_VALUE',
        path,
        `${reached}, and no source is a cluster that could say who may ask; listen on 127.0.0.1`,
      );
  }
  const lists = value.feeds && readFeeds(value.feeds, file, aroundFeeds);
  const listsAt = lists && listenAt(lists.listen, ['feeds', 'listen']);
  if (diagnostics.some(({ severity }) => severity === 'error')) return { diagnostics: diagnostics.toSorted(byPlace) };
  const used = new Set(
    (['border', 'firewall', 'service', 'cwnp', 'monitor'] as const).map((key) => value.controllers[key]?.source),
  );
  for (const name of sources.keys())
    if (!used.has(name))
      say(
        'warning',
        'CONFIG_SOURCE_UNUSED',
        ['sources', name],
        'no controller uses this source, so nothing of it counts; remove it, or name it in controllers',
      );
  for (const path of placeholders(only.raw))
    say(
      'warning',
      'CONFIG_PLACEHOLDER',
      path,
      'holds ${…}, which nothing replaces here; whatever writes this file has to',
    );
  return {
    diagnostics,
    value: {
      name: value.name === undefined ? (around.hostname ?? hostname()) : resolveText(value.name, ['name']),
      cluster,
      sources,
      border: border === undefined ? undefined : { source: border.source },
      machine,
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

/** Where texts hold `${NAME}`. */
function* placeholders(raw: unknown, path: readonly (string | number)[] = []): Generator<readonly (string | number)[]> {
  if (typeof raw === 'string') {
    if (/\$\{[A-Za-z_]\w*\}/.test(raw)) yield path;
  } else if (Array.isArray(raw))
    for (const [index, entry] of raw.entries()) yield* placeholders(entry, [...path, index]);
  else if (isMap(raw)) for (const [key, entry] of Object.entries(raw)) yield* placeholders(entry, [...path, key]);
}

function byPlace(a: Diagnostic, b: Diagnostic): number {
  return (a.at?.line ?? 0) - (b.at?.line ?? 0) || (a.at?.column ?? 0) - (b.at?.column ?? 0);
}
