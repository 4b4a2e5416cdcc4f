import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import type { Code } from '../../base/catalogue.ts';

/** A text in place, in a file, or in an environment variable (design section 6). */
export const text = z.union([z.string(), z.strictObject({ file: z.string() }), z.strictObject({ env: z.string() })]);

export const listen = z
  .string()
  .regex(/^(\[[0-9a-fA-F:]+\]|[^:[\]]+):\d{1,5}$/, 'takes HOST:PORT, e.g. 127.0.0.1:8080');

export const pemFile = z.strictObject({ file: z.string().describe('a PEM file; it is read again when it changes') });

/** `feeds` of the configuration file. */
export const feedsSchema = z.strictObject({
  listen: listen.describe('HOST:PORT where firewalls fetch their lists, over HTTPS'),
  tls: z
    .strictObject({
      cert: pemFile.describe('its certificate'),
      key: pemFile.describe('its key'),
      clientCA: pemFile.optional().describe('the authority of client certificates; absent: none is believed'),
    })
    .describe('how it proves who it is'),
  consumers: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(253).describe('who it is, in the status and the log'),
        firewall: z.string().min(1).max(253).describe('the BorderFirewall, with driver feed, whose lists it gets'),
        auth: z
          .strictObject({
            basic: z
              .strictObject({ username: text.describe('a name without a colon'), password: text.describe('a secret') })
              .optional()
              .describe('a name and a password'),
            bearer: text.optional().describe('a token, shown as `Authorization: Bearer …`'),
            certificate: z
              .string()
              .min(1)
              .optional()
              .describe('the common name or a DNS name of its client certificate; needs `tls.clientCA`'),
          })
          .describe('how it is known: exactly one of these'),
      }),
    )
    .max(1_000)
    .describe('who may fetch'),
});

/** A secret in place, or the path (absolute) of a file that holds it, which is read again when it changes. */
export type Secret = { readonly text: string } | { readonly file: string };

/** Who fetches lists, as configured. */
export interface ConfiguredConsumer {
  readonly name: string;
  readonly firewall: string;
  readonly auth:
    | { readonly kind: 'Basic'; readonly username: Secret; readonly password: Secret }
    | { readonly kind: 'Bearer'; readonly token: Secret }
    | { readonly kind: 'Certificate'; readonly subject: string };
}

export interface FeedsConfiguration {
  readonly listen: string;
  /** Absolute paths. */
  readonly tls: { readonly cert: string; readonly key: string; readonly clientCA?: string };
  readonly consumers: readonly ConfiguredConsumer[];
}

export interface FeedsSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly readFile: (path: string) => string;
  readonly complain: (
    severity: 'error' | 'warning',
    code: Code,
    path: readonly (string | number)[],
    message: string,
  ) => void;
}

/** What the schema cannot say of `feeds`, and its paths made absolute. `file`: of the configuration. */
export function readFeeds(
  { listen: at, tls, consumers }: z.infer<typeof feedsSchema>,
  file: string,
  { environment, readFile, complain }: FeedsSurroundings,
): FeedsConfiguration {
  const absolute = (path: string): string => resolve(dirname(file), path);
  const secretOf = (given: z.infer<typeof text>, path: readonly (string | number)[], isSecret: boolean): Secret => {
    if (typeof given === 'string') {
      if (given === '') complain('error', 'CONFIG_VALUE', path, 'is empty, which opens nothing');
      else if (isSecret)
        complain('warning', 'CONFIG_SECRET_LITERAL', path, 'a secret in place; write {file: PATH} or {env: NAME}');
      return { text: given };
    }
    if ('env' in given) {
      const found = environment[given.env];
      if (found === undefined)
        complain('error', 'CONFIG_SECRET', path, `the environment variable ${given.env} is not set`);
      else if (found === '') complain('error', 'CONFIG_SECRET', path, `the environment variable ${given.env} is empty`);
      return { text: found ?? '' };
    }
    try {
      if (readFile(absolute(given.file)).trim() === '')
        complain('error', 'CONFIG_SECRET', path, `the file ${given.file} is empty`);
    } catch {
      complain('error', 'CONFIG_SECRET', path, `the file ${given.file} cannot be read`);
    }
    return { file: absolute(given.file) };
  };
  for (const key of ['cert', 'key', 'clientCA'] as const) {
    const given = tls[key]?.file;
    if (given === undefined) continue;
    try {
      readFile(absolute(given));
    } catch {
      complain('error', 'CONFIG_SECRET', ['feeds', 'tls', key], `the file ${given} cannot be read`);
    }
  }
  const names = new Set<string>();
  const read = consumers.flatMap(({ name, firewall, auth }, index): ConfiguredConsumer[] => {
    const path = ['feeds', 'consumers', index];
    if (names.has(name)) complain('error', 'CONFIG_VALUE', [...path, 'name'], `there is another consumer "${name}"`);
    names.add(name);
    const ways = Object.keys(auth);
    if (ways.length !== 1)
      complain('error', 'CONFIG_VALUE', [...path, 'auth'], 'takes exactly one of basic, bearer and certificate');
    if (auth.certificate !== undefined && tls.clientCA === undefined)
      complain('error', 'CONFIG_VALUE', [...path, 'auth', 'certificate'], 'needs feeds.tls.clientCA');
    const { basic, bearer, certificate } = auth;
    if (basic !== undefined) {
      const username = secretOf(basic.username, [...path, 'auth', 'basic', 'username'], false);
      if ('text' in username && username.text.includes(':'))
        complain(
          'error',
          'CONFIG_VALUE',
          [...path, 'auth', 'basic', 'username'],
          'holds a colon, which ends a user name',
        );
      const password = secretOf(basic.password, [...path, 'auth', 'basic', 'password'], true);
      return [{ name, firewall, auth: { kind: 'Basic', username, password } }];
    }
    if (bearer !== undefined)
      return [{ name, firewall, auth: { kind: 'Bearer', token: secretOf(bearer, [...path, 'auth', 'bearer'], true) } }];
    return certificate === undefined ? [] : [{ name, firewall, auth: { kind: 'Certificate', subject: certificate } }];
  });
  return {
    listen: at,
    tls: {
      cert: absolute(tls.cert.file),
      key: absolute(tls.key.file),
      ...(tls.clientCA === undefined ? {} : { clientCA: absolute(tls.clientCA.file) }),
    },
    consumers: read,
  };
}
