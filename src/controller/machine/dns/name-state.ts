import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isMap } from '../../../api/shape.ts';
import type { Clock } from '../../../base/clock.ts';
import { localFiles, toSallyportError } from '../../../base/error.ts';
import type { Log } from '../../../base/log.ts';
import { apply, getObject } from '../../../kubernetes/objects.ts';
import { STATE_CONFIG_MAP } from '../../../machine/dns/recorded-names.ts';
import { STATE_KEY } from '../../../machine/dns/state-text.ts';
import { readIfThere, replaceFile } from '../rule-files.ts';
import type { ClusterAccess } from '../sources/cluster-source.ts';

const CONFIG_MAPS = { group: '', version: 'v1', plural: 'configmaps' } as const;
const CLUSTER_MS = 10_000;

/** Where what was learnt outlives a restart. */
export interface NameState {
  /** How often it may be written. */
  readonly everyMs: number;
  /** The file where it is kept now. */
  readonly file: string;
  /** `undefined`: nothing was kept. */
  read(signal: AbortSignal): Promise<string | undefined>;
  write(text: string, signal: AbortSignal): Promise<void>;
}

/** A file of this machine. */
export class NameStateFile implements NameState {
  readonly everyMs = 5_000;
  readonly #path: () => string;

  /** `path`: where it is to be from now on. */
  constructor(path: () => string) {
    this.#path = path;
  }

  get file(): string {
    return this.#path();
  }

  read(): Promise<string | undefined> {
    return readIfThere(this.file);
  }

  async write(text: string): Promise<void> {
    const { file } = this;
    await localFiles(mkdir(dirname(file), { recursive: true, mode: 0o700 }));
    await replaceFile(file, text);
  }
}

/**
 * A file, and the ConfigMap of today's controller beside it while the policies come from a cluster: a machine that has no file yet begins with what
 * another one, or today's controller, left there. The file alone is needed; a cluster that is away hinders nothing.
 */
export class NameStateBeside implements NameState {
  readonly everyMs: number;
  readonly #file: NameState;
  readonly #access: () => ClusterAccess | undefined;
  readonly #clock: Clock;
  readonly #log: Log;
  #writtenAt = Number.NEGATIVE_INFINITY;
  #problem = '';

  constructor(options: {
    readonly file: NameState;
    /** The cluster that policies come from; `undefined`: they do not, or it cannot be reached yet. */
    readonly access: () => ClusterAccess | undefined;
    readonly clock: Clock;
    readonly log: Log;
  }) {
    this.#file = options.file;
    this.#access = options.access;
    this.#clock = options.clock;
    this.#log = options.log;
    this.everyMs = options.file.everyMs;
  }

  get file(): string {
    return this.#file.file;
  }

  async read(signal: AbortSignal): Promise<string | undefined> {
    const kept = await this.#file.read(signal);
    const access = this.#access();
    if (kept !== undefined || access === undefined) return kept;
    const which = { namespace: access.namespace, name: STATE_CONFIG_MAP };
    const map = await getObject(access.client, CONFIG_MAPS, which, signal);
    const data = isMap(map) ? map['data'] : undefined;
    const text = isMap(data) ? data[STATE_KEY] : undefined;
    return typeof text === 'string' ? text : undefined;
  }

  async write(text: string, signal: AbortSignal): Promise<void> {
    await this.#file.write(text, signal);
    const access = this.#access();
    const now = this.#clock.monotonic();
    if (access === undefined || now - this.#writtenAt < CLUSTER_MS) return;
    this.#writtenAt = now;
    const { client, namespace } = access;
    const metadata = { name: STATE_CONFIG_MAP, namespace };
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { [STATE_KEY]: text } };
    try {
      await apply(client, CONFIG_MAPS, metadata, body, { force: true }, signal);
      this.#problem = '';
    } catch (thrown) {
      const { code, message } = toSallyportError(thrown);
      if (message !== this.#problem)
        this.#log.warn({ code, problem: message }, 'what was learnt of names is kept on this machine alone');
      this.#problem = message;
    }
  }
}
