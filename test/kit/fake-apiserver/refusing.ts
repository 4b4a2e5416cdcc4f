import type { Fault } from './faults.ts';
import { prefersProtobuf } from './negotiating.ts';
import { statusMessage } from './protobuf.ts';
import { PROTOBUF_TYPE, type WholeReply, json } from './reply.ts';
import { Refusal } from './status.ts';

/** Reasons as the API derives them from the status. */
const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** A refusal as an answer: a Status, in Protobuf for those who asked for that first. */
export function refusalReply({ body }: Refusal, accept: string | undefined): WholeReply {
  const seconds = body.details?.retryAfterSeconds;
  const headers: Record<string, string> = seconds === undefined ? {} : { 'retry-after': String(seconds) };
  if (!prefersProtobuf(accept)) return json(body.code, body, headers);
  return { status: body.code, headers: { 'content-type': PROTOBUF_TYPE, ...headers }, body: statusMessage(body) };
}

const page = (status: number): Buffer =>
  Buffer.from(
    `<html>\r\n<head><title>${status} Service Temporarily Unavailable</title></head>\r\n<body>\r\n<center><h1>${status}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`,
  );

/** What a `status` fault answers. */
export function faultReply(fault: Extract<Fault, { fault: 'status' }>, accept: string | undefined): WholeReply {
  const { status, retryAfterSeconds, body = 'Status' } = fault;
  const headers: Record<string, string> =
    retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  if (body === 'none') return { status, headers, body: Buffer.alloc(0) };
  if (body === 'html') return { status, headers: { ...headers, 'content-type': 'text/html' }, body: page(status) };
  const reason = fault.reason ?? reasons[status] ?? '';
  const details = retryAfterSeconds === undefined ? undefined : { retryAfterSeconds };
  const message = fault.message ?? `the server answers ${status} for a test`;
  return refusalReply(new Refusal(status, reason, message, details), accept);
}
