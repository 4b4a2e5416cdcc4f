import { parse } from 'yaml';
import type { KindCall } from './call.ts';
import { apiVersionOf } from './encoding.ts';
import { type KubeObject, type Metadata, isMap } from './object.ts';
import { type Cause, badRequest, invalid, unsupportedMediaType } from './status.ts';

export const mediaTypeOf = (call: KindCall): string =>
  (call.headers['content-type'] ?? 'application/json').split(';')[0]?.trim().toLowerCase() ?? '';

/** A body that is JSON (or YAML where that is taken). */
export function decode(body: Buffer, yaml = false): unknown {
  const text = body.toString();
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (!yaml) throw badRequest(`couldn't get version/kind; json parse error: ${String(error)}`);
  }
  try {
    return parse(text) as unknown;
  } catch (error) {
    throw badRequest(`error decoding YAML: ${String(error)}`);
  }
}

/** The object in a body, or a refusal: of the kind and version that the path says, and nothing else. */
export function objectIn(value: unknown, { kind }: KindCall): KubeObject {
  if (!isMap(value)) throw badRequest("couldn't get version/kind; the body is no object");
  const wanted = apiVersionOf(kind);
  const { kind: said = kind.kind, apiVersion = wanted, metadata = {} } = value;
  if (said !== kind.kind)
    throw badRequest(
      `${JSON.stringify(said)} in version ${JSON.stringify(apiVersion)} cannot be handled as a ${kind.kind}: kind does not match`,
    );
  if (apiVersion !== wanted)
    throw badRequest(
      `the API version in the data (${String(apiVersion)}) does not match the expected API version (${wanted})`,
    );
  if (!isMap(metadata)) throw badRequest('metadata is no object');
  return { ...value, apiVersion: wanted, kind: kind.kind, metadata: metadata as Metadata };
}

/** The object of a POST or PUT. */
export function bodyObject(call: KindCall): KubeObject {
  if (mediaTypeOf(call) !== 'application/json')
    throw unsupportedMediaType(['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf']);
  return objectIn(decode(call.body), call);
}

const QUALIFIED_WORDS =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_WORDS =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const NAME_WORDS =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$/;

/** Refuses metadata that no kind accepts. */
export function checkMetadata(call: KindCall, { metadata }: KubeObject): void {
  const { name = '', labels = {}, annotations = {} } = metadata;
  const causes: Required<Cause>[] = [];
  const wrong = (field: string, value: string, why: string): void => {
    causes.push({
      reason: 'FieldValueInvalid',
      field,
      message: `Invalid value: ${JSON.stringify(value)}: ${why}`,
    });
  };
  const isRbac = call.kind.group === 'rbac.authorization.k8s.io';
  if (isRbac ? /^\.{1,2}$|[/%]/.test(name) : call.kind.kind === 'Namespace' ? !LABEL.test(name) : !SUBDOMAIN.test(name))
    wrong('metadata.name', name, NAME_WORDS);
  if (name.length > 253) wrong('metadata.name', name, 'must be no more than 253 characters');
  for (const [key, value] of Object.entries(labels)) {
    if (!QUALIFIED.test(key)) wrong('metadata.labels', key, QUALIFIED_WORDS);
    if (typeof value !== 'string' || !LABEL_VALUE.test(value)) wrong('metadata.labels', String(value), LABEL_WORDS);
  }
  for (const [key, value] of Object.entries(annotations)) {
    if (!QUALIFIED.test(key)) wrong('metadata.annotations', key, QUALIFIED_WORDS);
    if (typeof value !== 'string') wrong('metadata.annotations', key, 'must be a string');
  }
  if (causes.length > 0) throw invalid(call.kind, name, causes);
}
