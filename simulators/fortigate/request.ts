/** A request as the device reads it. */
export interface Request {
  readonly method: string;
  /** Parts of the path, percent-decoded: `['api', 'v2', 'cmdb', 'firewall', 'address', 'a/b']`. */
  readonly path: readonly string[];
  /** Parameters in their order; a name may come again. */
  readonly query: readonly (readonly [string, string])[];
  /** In lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** Who asks. */
  readonly address: string;
}

/** An answer: an object is written as JSON. */
export interface Answer {
  readonly status: number;
  readonly body: object | string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

/** A refusal before the database is asked. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly error: number | undefined;

  constructor(status: number, message: string, error?: number) {
    super(message);
    this.status = status;
    this.error = error;
  }
}

export function parameter(request: Request, name: string): string | undefined {
  return request.query.find(([one]) => one === name)?.[1];
}

export const parameters = (request: Request, name: string): readonly string[] =>
  request.query.filter(([one]) => one === name).map(([, value]) => value);

/** Path and parameters of a raw URL; throws `Refusal` if its escapes are broken. */
export function readUrl(url: string): Pick<Request, 'path' | 'query'> {
  const [pathText = '', ...queryText] = url.split('?');
  try {
    return {
      path: pathText
        .split('/')
        .filter((one, at, all) => one !== '' || (at !== 0 && at !== all.length - 1))
        .map(decodeURIComponent),
      query: queryText
        .join('?')
        .split('&')
        .filter((one) => one !== '')
        .map((one) => {
          const at = one.indexOf('=');
          const decode = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '));
          return at === -1 ? [decode(one), ''] : [decode(one.slice(0, at)), decode(one.slice(at + 1))];
        }),
    };
  } catch {
    throw new Refusal(400, 'the URL has broken escapes');
  }
}

/** The body as a JSON object; an empty one where there is none. */
export function readJson(request: Request): Record<string, unknown> {
  if (request.body.trim() === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(request.body);
  } catch {
    throw new Refusal(400, 'the body is not JSON', -10_002);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refusal(400, 'the body is not an object', -10_002);
  return value as Record<string, unknown>;
}
