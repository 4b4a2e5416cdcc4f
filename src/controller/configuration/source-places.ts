import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import type { Code } from '../../base/catalogue.ts';
import type { Diagnostic, Place } from '../../base/diagnostic.ts';
import { withoutPassword } from '../../base/without-password.ts';
import type { Secret, text } from './feeds-configuration.ts';
import { type sourceSchema, typeOfSource } from './source-configuration.ts';
import type { StaticContent } from './static-content.ts';

/** Where a source of manifests or a cluster reads. */
export type ObjectsPlace =
  | { readonly type: 'manifests'; readonly path: string; readonly namespace?: string }
  /** Without kubeconfig: the cluster that this process runs in. Without context: the current one. */
  | {
      readonly type: 'kubernetes';
      readonly kubeconfig?: string;
      readonly context?: string;
      readonly namespace?: string;
      /** Instead of a kubeconfig: the source whose Firewall says how this cluster is reached. */
      readonly shootAccess?: string;
    };

/** What stands in the file itself, not looked into yet: what is wrong in it harms one entry, not the file. */
export interface StaticPlace extends StaticContent {
  readonly type: 'static';
  /** Finds the place of a field of the file. */
  readonly locate: (path: readonly (string | number)[]) => Place;
}

export interface MetalPlace {
  readonly type: 'metal';
  readonly url: string;
  /** `Hmac`: metal-api v1; `Token`: metal-apiserver v2. */
  readonly auth:
    | { readonly kind: 'Hmac'; readonly secret: Secret; readonly user: string }
    | { readonly kind: 'Token'; readonly token: Secret };
  readonly project: string;
  /** What the metal-api cannot hold yet. */
  readonly firewall: unknown;
  readonly locate: (path: readonly (string | number)[]) => Place;
}

/** Where a source reads. */
export type SourcePlace = ObjectsPlace | StaticPlace | MetalPlace;

/** Whether a source holds objects of any kind: a folder, or a cluster. */
export function holdsObjects(place: SourcePlace | undefined): place is ObjectsPlace {
  return place?.type === 'manifests' || place?.type === 'kubernetes';
}

/** What reading the parts of a configuration file needs of the whole. */
export interface ConfigurationReading {
  /** The file; relative paths count from its folder. */
  readonly file: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The text behind `{file}` and `{env}`; notes what cannot be had. */
  readonly resolveText: (given: z.infer<typeof text>, path: readonly string[]) => string;
  readonly say: (
    severity: Diagnostic['severity'],
    code: Code,
    path: readonly (string | number)[],
    message: string,
  ) => void;
  readonly locate: (path: readonly (string | number)[]) => Place;
  /** What stands in the file itself of a source, by the source's name. */
  readonly contentOf: (name: string) => StaticContent;
}

/** Reads `sources`: what each is, by its keys, and what about it cannot be. */
export function readSources(
  given: Readonly<Record<string, z.infer<typeof sourceSchema>>>,
  reading: ConfigurationReading,
): ReadonlyMap<string, SourcePlace> {
  return new Map(Object.entries(given).map(([name, source]) => [name, readSource(name, source, reading)]));
}

function readSource(name: string, given: z.infer<typeof sourceSchema>, reading: ConfigurationReading): SourcePlace {
  const here = ['sources', name];
  const { type, strangers } = typeOfSource(name, given);
  const complain = (path: readonly string[], message: string): void =>
    reading.say('error', 'CONFIG_VALUE', path, message);
  const textAt = (key: 'manifests' | 'kubeconfig' | 'context' | 'namespace' | 'url' | 'type' | 'projectID') =>
    given[key] === undefined ? undefined : reading.resolveText(given[key], [...here, key]);
  const pathAt = (key: 'manifests' | 'kubeconfig'): string | undefined => {
    const path = textAt(key);
    return path === undefined ? undefined : resolve(dirname(reading.file), path);
  };
  if (type === 'manifests' && strangers.some((key) => key === 'kubeconfig' || key === 'context'))
    complain(here, 'is a folder or a cluster; remove `manifests`, or `kubeconfig` and `context`');
  else
    for (const key of strangers)
      complain([...here, key], `does not belong to ${WORDS[type]}; make it a source of its own, with another name`);
  const { locate } = reading;
  switch (type) {
    case 'static':
      return {
        type,
        ...reading.contentOf(name),
        locate,
      };
    case 'metal': {
      const url = textAt('url') ?? '';
      // Templates of such files (`${METAL_API_URL}`) are valid as they stand; that nothing replaces them is told elsewhere.
      if (!/^https?:\/\/[^/]/.test(url) && !url.includes('${'))
        complain([...here, 'url'], 'takes the address of the metal-api, e.g. https://api.example.org/metal');
      if (withoutPassword(url) !== url)
        reading.say(
          'warning',
          'CONFIG_SECRET_LITERAL',
          [...here, 'url'],
          'what stands before the "@" is not sent; remove it',
        );
      return {
        type,
        url,
        auth: readAuth(given, here, textAt('type'), url, reading),
        project: textAt('projectID') ?? '',
        firewall: reading.contentOf(name).firewall,
        locate,
      };
    }
    case 'manifests': {
      const namespace = textAt('namespace');
      return { type, path: pathAt('manifests') ?? '', ...(namespace !== undefined && { namespace }) };
    }
    case 'kubernetes': {
      const [kubeconfig, context, namespace] = [pathAt('kubeconfig'), textAt('context'), textAt('namespace')];
      if (kubeconfig !== undefined && given.shootAccess !== undefined)
        complain([...here, 'shootAccess'], 'stands instead of a kubeconfig; remove one of them');
      if (context !== undefined && kubeconfig === undefined)
        complain([...here, 'context'], 'is of a kubeconfig; name the file with `kubeconfig`');
      return {
        type,
        ...(kubeconfig !== undefined && { kubeconfig }),
        ...(context !== undefined && { context }),
        ...(namespace !== undefined && { namespace }),
        ...(given.shootAccess !== undefined && { shootAccess: given.shootAccess }),
      };
    }
  }
}

const WORDS = {
  manifests: 'a folder of manifests',
  kubernetes: 'a cluster',
  metal: 'the metal-api',
  static: 'a source that stands in this file',
} as const;

/** `hmac` is of the metal-api, `token` of the newer one. */
function readAuth(
  { hmac, token, projectID }: z.infer<typeof sourceSchema>,
  here: readonly string[],
  user: string | undefined,
  url: string,
  reading: ConfigurationReading,
): MetalPlace['auth'] {
  const complain = (key: string, message: string): void =>
    reading.say('error', 'CONFIG_VALUE', [...here, key], message);
  if (token === undefined)
    return { kind: 'Hmac', secret: readSecret(hmac, [...here, 'hmac'], reading), user: user ?? 'Metal-View' };
  if (hmac !== undefined) complain('token', 'is of the newer API, `hmac` of the older; remove one of them');
  if (user !== undefined) complain('type', 'belongs to `hmac`; remove it');
  if (projectID === undefined) complain('projectID', 'is missing; the newer API answers for one project alone');
  const isLocal = /^http:\/\/(127\.|localhost[:/]|\[::1\])/.test(url);
  if (url.startsWith('http:') && !isLocal) complain('url', 'would send the token in the open; use https');
  return { kind: 'Token', token: readSecret(token, [...here, 'token'], reading) };
}

/** A secret is read where it is used: a file that is missing now may come, and its source is lost until then. */
function readSecret(
  given: z.infer<typeof text> | undefined,
  path: readonly string[],
  { environment, file, say }: ConfigurationReading,
): Secret {
  if (given === undefined) {
    say('error', 'CONFIG_VALUE', path, 'is missing; it takes a text, {file: PATH} or {env: NAME}');
    return { text: '' };
  }
  if (typeof given === 'string') {
    say('warning', 'CONFIG_SECRET_LITERAL', path, 'a secret in place; write {file: PATH} or {env: NAME}');
    return { text: given };
  }
  if ('file' in given) return { file: resolve(dirname(file), given.file) };
  const found = environment[given.env];
  if (found === undefined) say('error', 'CONFIG_SECRET', path, `the environment variable ${given.env} is not set`);
  return { text: found ?? '' };
}
