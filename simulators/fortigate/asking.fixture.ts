import { request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { FortiGate } from './fortigate.ts';

export interface Answered {
  readonly status: number;
  /** The text as it came. */
  readonly text: string;
  /** As JSON; empty if it is none. */
  readonly body: Record<string, unknown>;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface Asked {
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends a request exactly as written: `POST /api/v2/cmdb/firewall/address?vdom=root`. An object is sent as JSON. */
export function ask(
  device: FortiGate,
  line: string,
  body?: object | string,
  { token, headers = {} }: Asked = {},
): Promise<Answered> {
  const [method = 'GET', path = '/'] = line.split(/ +/);
  const bearer = token === undefined ? device.token : token;
  const { hostname, port, protocol } = new URL(device.url);
  const start = protocol === 'https:' ? secureRequest : plainRequest;
  return new Promise((answered, failed) => {
    const request = start(
      {
        host: hostname.replace(/^\[|\]$/g, ''),
        port,
        method,
        path,
        agent: false,
        ...(device.certificate === undefined ? {} : { ca: device.certificate }),
        headers: { ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }), ...headers },
      },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', failed);
        response.on('end', () => {
          const text = Buffer.concat(parts).toString('utf8');
          answered({ status: response.statusCode ?? 0, text, body: parsed(text), headers: response.headers });
        });
      },
    );
    request.on('error', failed);
    request.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
  });
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** Sends a request that must succeed. */
export async function done(device: FortiGate, line: string, body?: object, asked: Asked = {}): Promise<Answered> {
  const answer = await ask(device, line, body, asked);
  if (answer.body['status'] !== 'success') throw new Error(`${line} ${JSON.stringify(body)}: ${answer.text}`);
  return answer;
}

/** The rows of a list. */
export async function rows(
  device: FortiGate,
  line: string,
  asked: Asked = {},
): Promise<readonly Record<string, unknown>[]> {
  return (await done(device, `GET ${line}`, undefined, asked)).body['results'] as Record<string, unknown>[];
}

/** `200`, or `500 -23`: how an answer ended. */
export const ending = ({ status, body }: Answered): string =>
  body['error'] === undefined ? String(status) : `${status} ${JSON.stringify(body['error'])}`;
