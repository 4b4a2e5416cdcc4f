/** A real API server for `*.cluster.test.ts`: kube-apiserver and etcd, no controllers, no nodes. docs/design/cluster-tests.md */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { createInterface, type Interface } from 'node:readline';
import { type Environment, apiServerProgram } from './apiserver-program.ts';
import { type ApiTarget, RawApi } from './raw-api.ts';

export interface ApiServerOptions {
  /** More flags of kube-apiserver, such as `--feature-gates=WatchList=false`. */
  readonly flags?: readonly string[];
  /** Write one line for each request to the file `auditLog`. */
  readonly audit?: boolean;
  /** Instead of this process's: KUBEBUILDER_ASSETS says whose servers run. */
  readonly environment?: Environment;
}

/** Told by the program once both servers serve. */
interface Description {
  readonly url: string;
  readonly etcd: string;
  readonly kubeconfig: string;
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  readonly log: string;
  readonly audit?: string;
}

type Answer = { readonly done?: string; readonly error?: string; readonly certificate?: string; readonly key?: string };

/** Starts a server of its own; takes some seconds. Stop it in `afterAll`; it ends with this process in any case. */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const environment = options.environment ?? process.env;
  const program = apiServerProgram(environment);
  if (!existsSync(program)) throw new Error('the API server is not built: `npm run test:cluster` builds it');
  const words = [...(options.audit === true ? ['-audit'] : []), '--', ...(options.flags ?? [])];
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...environment } });
  const dialogue = new Dialogue(child);
  return new ApiServer(dialogue, JSON.parse(await dialogue.line()) as Description);
}

/** A running server. Methods go one after the other; URL, certificates and keys stay the same for its life. */
export class ApiServer {
  readonly url: string;
  /** Path of the admin's kubeconfig. */
  readonly kubeconfig: string;
  /** The authority's certificate as PEM: of the server, and of client certificates. */
  readonly ca: string;
  readonly adminCertificate: { readonly certificate: string; readonly key: string };
  /** Path of the server's own log. */
  readonly log: string;
  /** Path of the audit log, if asked for: one `audit.k8s.io/v1` Event a line, level Metadata. */
  readonly auditLog: string | undefined;
  /** For arranging, as the admin. */
  readonly admin: RawApi;
  readonly #dialogue: Dialogue;
  readonly #etcd: string;
  #kubeconfigs = 0;

  constructor(dialogue: Dialogue, told: Description) {
    this.#dialogue = dialogue;
    this.#etcd = told.etcd;
    this.url = told.url;
    this.kubeconfig = told.kubeconfig;
    this.ca = readFileSync(told.ca, 'utf8');
    this.adminCertificate = {
      certificate: readFileSync(told.certificate, 'utf8'),
      key: readFileSync(told.key, 'utf8'),
    };
    this.log = told.log;
    this.auditLog = told.audit;
    this.admin = new RawApi(this.target());
  }

  /** The server as somebody; the admin if nobody is named. */
  target(identity?: Pick<ApiTarget, 'token' | 'certificate'>): ApiTarget {
    return { url: this.url, ca: this.ca, ...(identity ?? { certificate: this.adminCertificate }) };
  }

  /** Down: connections are refused. What is stored stays. */
  async down(): Promise<void> {
    await this.#dialogue.ask({ do: 'stop' });
  }

  /** Up again, with other flags if any are named. */
  async up(flags?: readonly string[]): Promise<void> {
    await this.#dialogue.ask({ do: 'start', ...(flags === undefined ? {} : { flags }) });
  }

  /** Down and up: every connection breaks, nothing is lost. */
  async restart(flags?: readonly string[]): Promise<void> {
    await this.down();
    await this.up(flags);
  }

  /** Back with nothing stored and a new history: resource versions begin again. Tokens of accounts that are gone are worth nothing. */
  async wipe(): Promise<void> {
    await this.down();
    await this.#dialogue.ask({ do: 'wipe' });
    await this.up();
  }

  /** Remembers what is stored, for `restore`. Restarts. */
  async save(): Promise<void> {
    await this.down();
    await this.#dialogue.ask({ do: 'save' });
    await this.up();
  }

  /** Back to what `save` remembered, as from a backup: later objects are gone, resource versions are used again. */
  async restore(): Promise<void> {
    await this.down();
    await this.#dialogue.ask({ do: 'restore' });
    await this.up();
  }

  /**
   * Forgets the history up to now, as the server does by and by: continue tokens given out before are too old, and so are versions of
   * before for watches. Restarts, because the server keeps what it has in memory.
   */
  async expireHistory(): Promise<void> {
    const text = (value: string): string => Buffer.from(value).toString('base64');
    const etcd = new RawApi({ url: this.#etcd });
    const put = { key: text('sallyport-now'), value: text('') };
    const { header } = await etcd.json<{ header: { revision: string } }>('POST', '/v3/kv/put', put);
    await etcd.json('POST', '/v3/kv/compaction', { revision: header.revision, physical: true });
    etcd.close();
    await this.restart();
  }

  /** Anybody, by client certificate; a negative life has expired already. */
  async certificateFor(
    user: string,
    groups: readonly string[] = [],
    seconds = 3600,
  ): Promise<{ readonly certificate: string; readonly key: string }> {
    const answer = await this.#dialogue.ask({ do: 'certificate', user, groups, seconds });
    return { certificate: answer.certificate ?? '', key: answer.key ?? '' };
  }

  /** A bound token of a service account; the server gives none for less than 600 s. */
  async tokenFor(namespace: string, name: string, seconds = 3600): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
    const request = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: seconds },
    };
    const answer = await this.admin.json<{ status: { token: string } }>('POST', path, request);
    return answer.status.token;
  }

  /** Path of a kubeconfig for that identity; goes with the server. */
  kubeconfigFor(identity: Pick<ApiTarget, 'token' | 'certificate'>): string {
    const encoded = (text: string): string => Buffer.from(text).toString('base64');
    const { token, certificate } = identity;
    const user = {
      ...(token === undefined ? {} : { token }),
      ...(certificate === undefined
        ? {}
        : {
            'client-certificate-data': encoded(certificate.certificate),
            'client-key-data': encoded(certificate.key),
          }),
    };
    const content = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'test',
      clusters: [{ name: 'test', cluster: { server: this.url, 'certificate-authority-data': encoded(this.ca) } }],
      users: [{ name: 'test', user }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    };
    this.#kubeconfigs += 1;
    const path = join(dirname(this.kubeconfig), `kubeconfig-${this.#kubeconfigs}`);
    writeFileSync(path, JSON.stringify(content), { mode: 0o600 });
    return path;
  }

  /** Ends it at once and removes all it wrote. */
  async stop(): Promise<void> {
    this.admin.close();
    await this.#dialogue.end();
  }
}

/** One line out for each line in. */
class Dialogue {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  readonly #ended: Promise<void>;
  #said = '';
  #turn: Promise<unknown> = Promise.resolve();

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    this.#reader = createInterface({ input: child.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
    child.stderr.on('data', (text: Buffer) => (this.#said += text.toString('utf8')));
    // A pipe to a program that is gone: the missing answer tells.
    child.stdin.on('error', () => undefined);
    this.#ended = new Promise((resolve) => child.on('close', () => resolve()).on('error', () => resolve()));
  }

  async line(): Promise<string> {
    const next = await this.#lines.next();
    if (next.done !== true) return next.value;
    await this.#ended;
    throw new Error(`the API server ended: ${this.#said}`);
  }

  async ask(question: object): Promise<Answer> {
    const asked = this.#turn.then(async () => {
      this.#child.stdin.write(`${JSON.stringify(question)}\n`);
      const answer = JSON.parse(await this.line()) as Answer;
      if (answer.error !== undefined) throw new Error(answer.error);
      return answer;
    });
    this.#turn = asked.catch(() => undefined);
    return asked;
  }

  async end(): Promise<void> {
    this.#child.stdin.end();
    await this.#ended;
    this.#reader.close();
  }
}
