/** `Status` of the API: the body of every refusal. */
export interface StatusBody {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: { readonly continue?: string };
  readonly status: 'Failure' | 'Success';
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code: number;
}

export interface Cause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly Cause[];
  readonly retryAfterSeconds?: number;
}

/** A refusal on its way to the client. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly body: StatusBody;

  constructor(code: number, reason: string, message: string, details?: StatusDetails, metadata: object = {}) {
    super(message);
    this.body = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata,
      status: 'Failure',
      message,
      ...(reason === '' ? {} : { reason }),
      ...(details === undefined ? {} : { details }),
      code,
    };
  }
}

/** What messages call a collection, and what `details` say of it. */
export interface Named {
  readonly group: string;
  readonly plural: string;
  readonly kind?: string;
}

const title = ({ group, plural }: Named): string => (group === '' ? plural : `${plural}.${group}`);
const detailsOf = ({ group, plural }: Named, name: string): StatusDetails => ({
  ...(name === '' ? {} : { name }),
  ...(group === '' ? {} : { group }),
  kind: plural,
});

export const badRequest = (message: string): Refusal => new Refusal(400, 'BadRequest', message);

export const unauthorized = (): Refusal => new Refusal(401, 'Unauthorized', 'Unauthorized');

export const forbidden = (of: Named, name: string, why: string): Refusal =>
  new Refusal(
    403,
    'Forbidden',
    name === '' ? `${title(of)} is forbidden: ${why}` : `${title(of)} "${name}" is forbidden: ${why}`,
    detailsOf(of, name),
  );

export const notFound = (of: Named, name: string): Refusal =>
  new Refusal(404, 'NotFound', `${title(of)} "${name}" not found`, detailsOf(of, name));

/** A sub-resource or verb that is not there. */
export const noSuchResource = (): Refusal =>
  new Refusal(404, 'NotFound', 'the server could not find the requested resource', {});

export const methodNotAllowed = (): Refusal =>
  new Refusal(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});

/** The list is that of a real server, whether or not this one writes them all. */
export const notAcceptable = (custom: boolean): Refusal => {
  const types = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
  if (custom)
    return new Refusal(406, 'NotAcceptable', `only the following media types are accepted: ${types.join(', ')}`);
  const streams = ['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'];
  const all = [...types, ...streams].join(', ');
  return new Refusal(406, 'NotAcceptable', `406: Not Acceptable\n\nAvailable representations: ${all}`, {});
};

export const alreadyExists = (of: Named, name: string): Refusal =>
  new Refusal(409, 'AlreadyExists', `${title(of)} "${name}" already exists`, detailsOf(of, name));

export const conflict = (of: Named, name: string, why: string): Refusal =>
  new Refusal(409, 'Conflict', `Operation cannot be fulfilled on ${title(of)} "${name}": ${why}`, detailsOf(of, name));

export const CHANGED = 'the object has been modified; please apply your changes to the latest version and try again';

export const expired = (message: string, metadata: object = {}): Refusal =>
  new Refusal(410, 'Expired', message, undefined, metadata);

export const unsupportedMediaType = (offered: readonly string[]): Refusal =>
  new Refusal(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${offered.join(', ')}`,
  );

/** 422 with one cause for each mistake. */
export function invalid(of: Named, name: string, causes: readonly Required<Cause>[]): Refusal {
  const told = causes.map(({ field, message }) => `${field}: ${message}`);
  const what = `${of.kind ?? of.plural}${of.group === '' ? '' : `.${of.group}`} ${JSON.stringify(name)} is invalid`;
  return new Refusal(422, 'Invalid', `${what}: ${told.length === 1 ? told.join('') : `[${told.join(', ')}]`}`, {
    ...detailsOf(of, name),
    kind: of.kind ?? of.plural,
    causes,
  });
}

/** A list or watch from a version that this server has not reached. */
export const tooLarge = (asked: string, current: number): Refusal =>
  new Refusal(504, 'Timeout', `Timeout: Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
