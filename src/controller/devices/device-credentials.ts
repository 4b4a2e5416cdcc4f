import { open } from 'node:fs/promises';
import { isMap, parseDocument, isScalar } from 'yaml';
import type { BorderFirewall } from '../../api/resource.ts';
import { SallyportError } from '../../base/error.ts';
import type { DeviceCredentials } from '../../firewalls/device-credentials.ts';

/** More than any key pair and token take; a wrong path may lead to anything. In bytes. */
const LARGEST = 65_536;

/** Reads a Secret of our own namespace by its name; absent where the world is no cluster. */
export interface SecretReader {
  readonly namespace: string;
  read(name: string, signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
}

export interface CredentialPlaces {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly secrets?: SecretReader | undefined;
}

/** Where `credentialsRef` of a BorderFirewall leads; nothing is read yet. `undefined`: it has none. */
export function credentialsOf(
  { credentialsRef }: Pick<BorderFirewall, 'credentialsRef'>,
  { environment, secrets }: CredentialPlaces,
): DeviceCredentials | undefined {
  if (credentialsRef === undefined) return undefined;
  if ('secret' in credentialsRef) {
    const { secret } = credentialsRef;
    if (secrets !== undefined)
      return { title: `Secret ${secrets.namespace}/${secret}`, read: (signal) => secrets.read(secret, signal) };
    const why =
      'there is no cluster to read a Secret from; with manifests name a `file` or `env` in spec.credentialsRef';
    return { title: `Secret ${secret}`, read: () => Promise.reject(new SallyportError('DEVICE_CREDENTIALS', why)) };
  }
  if ('file' in credentialsRef) {
    const { file } = credentialsRef;
    const title = `file ${file}`;
    return { title, read: async () => parseCredentials(await textOf(file), title) };
  }
  const { env } = credentialsRef;
  const title = `variable ${env}`;
  return {
    title,
    read: async () => {
      const text = environment[env];
      if (text === undefined) throw new SallyportError('DEVICE_CREDENTIALS', `the environment has no ${title}`);
      return parseCredentials(text, title);
    },
  };
}

async function textOf(path: string): Promise<string> {
  try {
    await using file = await open(path, 'r');
    const { bytesRead, buffer } = await file.read(Buffer.alloc(LARGEST + 1), 0, LARGEST + 1, 0);
    if (bytesRead > LARGEST)
      throw new SallyportError('DEVICE_CREDENTIALS', `the file ${path} is longer than ${LARGEST} bytes`);
    return buffer.toString('utf8', 0, bytesRead);
  } catch (thrown) {
    if (thrown instanceof SallyportError) throw thrown;
    const reason = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown);
    throw new SallyportError('DEVICE_CREDENTIALS', `the file ${path} cannot be read (${reason})`);
  }
}

/** Lines like `token: …`, as YAML; every value is a text. Errors say where and repeat nothing: any part may be a secret. */
function parseCredentials(text: string, title: string): ReadonlyMap<string, string> {
  const refuse = (what: string): SallyportError =>
    new SallyportError('DEVICE_CREDENTIALS', `${title}: ${what}; write lines like "token: …"`);
  const document = parseDocument(text, { schema: 'failsafe', uniqueKeys: true, prettyErrors: true });
  const [error] = document.errors;
  if (error !== undefined) throw refuse(`line ${error.linePos?.[0].line ?? '?'} is no YAML (${error.code})`);
  if (!isMap(document.contents)) throw refuse('it holds no keys with values');
  return new Map(
    document.contents.items.map(({ key, value }, index) => {
      if (!isScalar(key) || typeof key.value !== 'string' || !isScalar(value) || typeof value.value !== 'string')
        throw refuse(`entry ${index + 1} is no key with a text`);
      return [key.value, value.value];
    }),
  );
}
