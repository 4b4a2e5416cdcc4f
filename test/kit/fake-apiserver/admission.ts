import type { User } from './call.ts';
import type { Kind } from './kinds.ts';
import type { KubeObject } from './object.ts';
import { Refusal } from './status.ts';

/** What an admission function is asked. */
export interface Admission {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  readonly kind: Kind;
  /** The sub-resource; `''`: the object itself. */
  readonly part: string;
  readonly user: User;
  readonly dryRun: boolean;
  /** Absent when something is deleted. */
  readonly object?: KubeObject;
  readonly before?: KubeObject;
}

/** `undefined`: fine; an object: go on with it instead; else refused. */
export type Admit = (
  asked: Admission,
) =>
  | undefined
  | { readonly object: KubeObject }
  | { readonly message: string; readonly code?: number; readonly reason?: string };

/** Asks every function in turn, as a server calls its webhooks. */
export function admitted(webhooks: ReadonlyMap<string, Admit>, asked: Admission): KubeObject | undefined {
  let { object } = asked;
  for (const [name, admit] of webhooks) {
    const answer = admit({ ...asked, ...(object === undefined ? {} : { object }) });
    if (answer === undefined) continue;
    if ('object' in answer) {
      ({ object } = answer);
      continue;
    }
    const { message, code = 403, reason = code === 422 ? 'Invalid' : 'Forbidden' } = answer;
    throw new Refusal(code, reason, `admission webhook "${name}" denied the request: ${message}`);
  }
  return object;
}
