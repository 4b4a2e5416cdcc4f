import { isMap } from '../api/shape.ts';
import { SallyportError } from '../base/error.ts';
import type { ApiClient } from './api-client.ts';
import { resourcePath } from './resource-path.ts';

const SECRETS = { group: '', version: 'v1', plural: 'secrets' };

/**
 * The data of one Secret, by its name, as texts; one line end at the end of a value is none of its own. Throws `DEVICE_CREDENTIALS` where
 * there is none of that name or it may not be read, and the other `API_…` codes.
 */
export async function readSecret(
  client: ApiClient,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const title = `Secret ${namespace}/${name}`;
  let answer: unknown;
  try {
    answer = await client.call({ method: 'GET', path: resourcePath(SECRETS, { namespace, name }) }, signal);
  } catch (thrown) {
    if (!(thrown instanceof SallyportError)) throw thrown;
    if (thrown.code === 'API_NOT_FOUND') throw new SallyportError('DEVICE_CREDENTIALS', `there is no ${title}`);
    if (thrown.code === 'API_FORBIDDEN')
      throw new SallyportError('DEVICE_CREDENTIALS', `${title} may not be read: the right to get secrets is missing`);
    throw thrown;
  }
  const data = isMap(answer) && isMap(answer['data']) ? answer['data'] : {};
  return new Map(
    Object.entries(data).flatMap(([key, value]) =>
      typeof value === 'string' ? [[key, withoutLineEnd(Buffer.from(value, 'base64').toString('utf8'))] as const] : [],
    ),
  );
}

/** The Secrets of one namespace, each read by its name when it is asked for. */
export function secretsOf(
  client: ApiClient,
  namespace: string,
): {
  readonly namespace: string;
  read(name: string, signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
} {
  return { namespace, read: (name, signal) => readSecret(client, { namespace, name }, signal) };
}

function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, '');
}
