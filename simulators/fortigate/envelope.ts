import type { Answer } from './request.ts';

/** What every answer says about itself (reference 1.3). */
export interface Envelope {
  readonly http_method: string;
  readonly revision?: string;
  readonly vdom: string;
  readonly path: string;
  readonly name: string;
  readonly action?: string;
  readonly serial: string;
  readonly version: string;
  readonly build: number;
}

/** An answer with its frame: first what it holds, then who says it. */
export function envelope(frame: Envelope, status: number, content: object): Answer {
  const { http_method, revision, ...rest } = frame;
  return {
    status,
    body: {
      http_method,
      ...(revision === undefined ? {} : { revision }),
      ...content,
      vdom: rest.vdom,
      path: rest.path,
      name: rest.name,
      ...(rest.action === undefined ? {} : { action: rest.action }),
      status: status < 400 ? 'success' : 'error',
      http_status: status,
      serial: rest.serial,
      version: rest.version,
      build: rest.build,
    },
  };
}
