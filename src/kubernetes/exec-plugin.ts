import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import { SallyportError } from '../base/error.ts';
import { visibleLine } from '../base/visible.ts';
import { tame } from '../base/secret-text.ts';
import type { CredentialMaker, MadeCredential } from './given-credentials.ts';
import type { KubeconfigExec, Placed } from './kubeconfig-file.ts';

/** Whoever takes longer hangs. */
const TIMEOUT_MS = 60_000;
/**
 * It is run again after a 401, and when what it printed has expired, but no more often than this: neither a server that refuses everybody nor a
 * clock that is ahead, by which all that it prints has expired already, shall make us fork for every request.
 */
const REST_MS = 5_000;
const LARGEST_OUTPUT = 1024 * 1024;

export interface ExecSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Somebody sits at a terminal, and may be asked. */
  readonly isInteractive: boolean;
  /** For plugins with `provideClusterInfo`. */
  readonly clusterInfo: object;
}

/** What it printed last. */
interface Made {
  readonly credential: MadeCredential;
  /** Milliseconds since the epoch. */
  readonly expires: number;
  /** Until then when it was printed; 0 and less: by this machine's clock it had expired already. */
  readonly lifetimeMs: number;
  /** When (monotonic) it was printed. */
  readonly at: number;
}

/**
 * A program that prints credentials. It is run when it is needed first, when what it printed has expired, and when the server says 401.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
 */
export class ExecPlugin implements CredentialMaker {
  readonly #exec: Placed<KubeconfigExec>;
  readonly #around: ExecSurroundings;
  readonly #stop = new AbortController();
  #made: Made | undefined;
  #running: Promise<MadeCredential> | undefined;

  constructor(exec: Placed<KubeconfigExec>, around: ExecSurroundings) {
    this.#exec = exec;
    this.#around = around;
  }

  async make(isFresh: boolean, signal: AbortSignal): Promise<MadeCredential> {
    const { clock } = this.#around;
    const made = this.#made;
    if (made !== undefined) {
      const age = clock.monotonic() - made.at;
      // A clock that is set back makes nothing good for longer.
      const isGood = clock.wall() < made.expires && age < made.lifetimeMs;
      const mayRest = isGood || made.lifetimeMs <= 0;
      if ((isGood && !isFresh) || (mayRest && age < REST_MS)) return made.credential;
    }
    // One run for all who wait; whoever does not want to wait any more leaves it to the others.
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return await unlessAborted(this.#running, signal);
  }

  close(): void {
    this.#stop.abort();
  }

  async #run(): Promise<MadeCredential> {
    const { value: exec, folder } = this.#exec;
    const { clock, environment, isInteractive } = this.#around;
    const title = `the credential plugin ${visibleLine(exec.command)}`;
    if (exec.interactiveMode === 'Always' && !isInteractive)
      throw failed(`${title} wants to ask somebody (interactiveMode: Always), and nobody is there`);
    // As kubectl does: a bare name is looked for in PATH, a path counts from the file.
    const command =
      exec.command.includes('/') && !exec.command.startsWith('/') ? join(folder, exec.command) : exec.command;
    const own = Object.fromEntries((exec.env ?? []).map(({ name, value }) => [name, value]));
    const { code, output, complaint } = await runProgram(command, exec.args ?? [], {
      env: { ...environment, ...own, KUBERNETES_EXEC_INFO: JSON.stringify(this.#info()) },
      mayAsk: isInteractive && exec.interactiveMode !== 'Never',
      signal: this.#stop.signal,
    }).catch((thrown: NodeJS.ErrnoException) => {
      const hint = exec.installHint ? `; ${tame(exec.installHint, [])}` : '';
      throw failed(`${title} cannot be run: ${thrown.code ?? thrown.message}${hint}`);
    });
    if (code !== 0) throw failed(`${title} ended with ${code}: ${tame(complaint.trim(), []) || 'it says nothing'}`);
    const { status, expires } = readCredential(output, exec.apiVersion, title);
    this.#made = { credential: status, expires, lifetimeMs: expires - clock.wall(), at: clock.monotonic() };
    return status;
  }

  #info(): object {
    const { value: exec } = this.#exec;
    const { isInteractive, clusterInfo } = this.#around;
    const interactive = isInteractive && exec.interactiveMode !== 'Never';
    return {
      apiVersion: exec.apiVersion,
      kind: 'ExecCredential',
      spec: { interactive, ...(exec.provideClusterInfo === true ? { cluster: clusterInfo } : {}) },
    };
  }
}

const credentialSchema = z.object({
  apiVersion: z.string(),
  kind: z.literal('ExecCredential'),
  status: z.object({
    token: z.string().min(1).optional(),
    clientCertificateData: z.string().min(1).optional(),
    clientKeyData: z.string().min(1).optional(),
    expirationTimestamp: z.iso.datetime({ offset: true }).nullish(),
  }),
});

/** What a plugin printed. No error tells any of it. */
function readCredential(
  output: string,
  apiVersion: string,
  title: string,
): { readonly status: MadeCredential; readonly expires: number } {
  let printed: unknown;
  try {
    printed = JSON.parse(output);
  } catch {
    throw failed(`${title} printed no JSON`);
  }
  const { data } = credentialSchema.safeParse(printed);
  if (data === undefined) throw failed(`${title} printed no ExecCredential with a status`);
  if (data.apiVersion !== apiVersion)
    throw failed(`${title} speaks ${tame(data.apiVersion, [])}, and the kubeconfig asks for ${apiVersion}`);
  const { token, clientCertificateData: certificate, clientKeyData: key, expirationTimestamp } = data.status;
  if ((certificate === undefined) !== (key === undefined))
    throw failed(`${title} printed a client certificate without a key, or a key without a certificate`);
  if (token === undefined && certificate === undefined) throw failed(`${title} printed neither token nor certificate`);
  const clientCertificate = certificate === undefined || key === undefined ? undefined : { certificate, key };
  const expires = expirationTimestamp ? Date.parse(expirationTimestamp) : Number.POSITIVE_INFINITY;
  return { status: { token, clientCertificate }, expires };
}

interface Ended {
  /** Exit code, or the signal that ended it. */
  readonly code: number | string;
  readonly output: string;
  /** The end of what it wrote to standard error. */
  readonly complaint: string;
}

function runProgram(
  command: string,
  args: readonly string[],
  how: { readonly env: NodeJS.ProcessEnv; readonly mayAsk: boolean; readonly signal: AbortSignal },
): Promise<Ended> {
  return new Promise((done, fail) => {
    const child = spawn(command, args, {
      env: how.env,
      stdio: [how.mayAsk ? 'inherit' : 'ignore', 'pipe', 'pipe'],
      killSignal: 'SIGKILL',
      signal: how.signal,
    });
    let output = '';
    let complaint = '';
    child.stdout?.setEncoding('utf8').on('data', (part: string) => {
      output += part;
      if (output.length > LARGEST_OUTPUT) child.kill('SIGKILL');
    });
    child.stderr?.setEncoding('utf8').on('data', (part: string) => {
      complaint = (complaint + part).slice(-4_096);
    });
    // Node's own time limit outlives a program that could not be started, and holds whoever wanted it.
    const limit = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
    child.once('error', (error) => {
      clearTimeout(limit);
      fail(error);
    });
    child.once('close', (code, signal) => {
      clearTimeout(limit);
      done({ code: code ?? signal ?? 'nothing', output, complaint });
    });
  });
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = (): void => {};
  const stopped = new Promise<never>((_, fail) => {
    stop = (): void => fail(signal.reason as Error);
  });
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function failed(what: string): SallyportError {
  return new SallyportError('API_CREDENTIALS', what);
}
