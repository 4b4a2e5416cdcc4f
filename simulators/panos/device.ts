import { createHash } from 'node:crypto';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { type Account, type AccountOptions, Accounts } from './accounts.ts';
import { type Answer, codes, refuse, Refusal, result, turnAway, write } from './answer.ts';
import type { Change } from './changes.ts';
import { readCommit } from './commit.ts';
import { Configuration, type Prepared } from './configuration.ts';
import { checkSteps, type Draft, type EditRules } from './draft.ts';
import { edits, oneOf, readCommand } from './edit-actions.ts';
import { Faults } from './faults.ts';
import { type JobResult, Jobs, type Outcome } from './jobs.ts';
import { Locks } from './locks.ts';
import { commonOperations, type Operation, operationFor } from './operations.ts';
import { BadPath, parsePath, type Place, select } from './path.ts';
import { type Quirks, strictQuirks } from './quirks.ts';
import type { Scope } from './references.ts';
import { Front, type ListenOptions } from './server.ts';
import type { Shape } from './shape.ts';
import { element, type Element, parseXml, serialise } from './xml.ts';

export interface DeviceOptions {
  /** `11.1.2` or `11.1.2-h3`. */
  readonly version?: string;
  readonly serial?: string;
  readonly hostname?: string;
  /** Who may ask; default: a superuser `admin` with the password `admin`. */
  readonly accounts?: readonly AccountOptions[];
  /** How long a key counts; absent: for ever. */
  readonly keyLifetimeMs?: number;
  readonly clock?: Clock;
  /** How long a commit runs. */
  readonly commitMs?: number;
  /** How late every answer comes. */
  readonly latencyMs?: number;
  readonly quirks?: Partial<Quirks>;
}

/** One request as it reaches a device. */
export interface Request {
  readonly parameters: ReadonlyMap<string, string>;
  readonly account: Account;
  /** What some settings belong to (reference 1.9): the same object for all requests of a connection. */
  readonly connection: object;
}

/** One request that came over the network, as it is told to tests. */
export interface Served {
  /** Without `key`, `user` and `password`. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly status: Answer['status'];
  readonly code: number | undefined;
}

const rightOf = {
  config: 'config',
  op: 'op',
  commit: 'commit',
  'user-id': 'user-id',
  export: 'export',
  log: 'log',
} as const;

/** What firewalls and Panorama have in common: accounts, configuration, locks, jobs, and the way of a request to its answer. */
export abstract class Device implements AsyncDisposable {
  readonly serial: string;
  readonly hostname: string;
  readonly clock: Clock;
  readonly accounts: Accounts;
  readonly locks = new Locks();
  readonly faults = new Faults();
  /** Every request that had its effect, in order. */
  readonly served: Served[] = [];
  readonly jobs: Jobs;
  readonly configuration: Configuration;
  quirks: Quirks;
  commitMs: number;
  version: string;
  readonly #operations: ReadonlyMap<string, Operation>;
  readonly #auditComments = new Map<string, string[]>();
  readonly #phantoms = new Map<string, readonly string[]>();
  #bootedAt: number;
  #identities = 0;
  #failing: (readonly string[])[] = [];
  #front: Front | undefined;

  protected constructor(
    options: DeviceOptions,
    serial: string,
    start: Element,
    operations: ReadonlyMap<string, Operation>,
  ) {
    this.clock = options.clock ?? systemClock;
    this.serial = options.serial ?? serial;
    this.hostname = options.hostname ?? this.serial;
    this.version = release(options.version ?? '11.1.2');
    this.commitMs = options.commitMs ?? 50;
    this.faults.latencyMs = options.latencyMs ?? 0;
    this.quirks = { ...strictQuirks, ...options.quirks };
    this.accounts = new Accounts(
      this.clock,
      this.serial,
      options.accounts ?? [{ name: 'admin', password: 'admin' }],
      options.keyLifetimeMs,
    );
    this.jobs = new Jobs(this.clock, () => this.quirks.finalProgress);
    this.configuration = new Configuration(start);
    this.#operations = new Map([...commonOperations, ...operations]);
    this.#bootedAt = this.clock.monotonic();
  }

  protected abstract readonly schema: Shape;
  protected abstract readonly zonesKnown: boolean;
  abstract scopes(root: Element): readonly Scope[];
  /** Rows of `show system info` that are this kind's own. */
  abstract identity(): Readonly<Record<string, string>>;
  /** Lines for which this configuration is too much for the device. */
  protected abstract tooMuch(root: Element): readonly string[];
  /** After a commit of this device's own configuration. */
  protected abstract committed(published: readonly Change[]): void;
  protected abstract commitAll(cmd: Element, account: Account): Answer;
  protected abstract userId(request: Request, message: Element): Answer;
  /** Answers for somebody else where the request names a `target`. */
  protected abstract forward(request: Request, target: string): Answer;

  protected async listen(options: ListenOptions): Promise<void> {
    this.#front = await Front.open(this, options);
  }

  get front(): Front {
    if (this.#front === undefined) throw new Error('the device does not listen');
    return this.#front;
  }

  /** Without a path. */
  get url(): string {
    return this.front.url;
  }

  /** SHA-256 of the certificate it shows; plain HTTP has none. */
  get fingerprint(): string | undefined {
    return this.front.certificate?.fingerprint;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.jobs.forget();
    await this.#front?.[Symbol.asyncDispose]();
  }

  get uptimeMs(): number {
    return this.clock.monotonic() - this.#bootedAt;
  }

  /** The answer to a request whose sender is known. Never throws for what a client did. */
  answer(request: Request): Answer {
    try {
      const target = request.parameters.get('target');
      if (target !== undefined && target !== '') return this.forward(request, target);
      return this.#dispatch(request);
    } catch (thrown) {
      if (thrown instanceof Refusal) return thrown.answer;
      throw thrown;
    }
  }

  /**
   * What somebody does by hand, past the network and every fault: the same commands, with the account's rights.
   * Gives the `response` element.
   */
  byHand(parameters: Readonly<Record<string, string>>, admin = 'admin'): Element {
    const account: Account = { name: admin, password: '', role: 'superuser' };
    const answer = this.answer({ parameters: new Map(Object.entries(parameters)), account, connection: this });
    answer.afterwards?.();
    return parseXml(write(answer));
  }

  #dispatch(request: Request): Answer {
    const { parameters, account } = request;
    const type = parameters.get('type') ?? '';
    if (type === 'version') return result(this.#versionRows());
    if (!Object.hasOwn(rightOf, type)) throw turnAway(400, `Bad request: type ${type} is not known`);
    const right = rightOf[type as keyof typeof rightOf];
    const action = parameters.get('action') ?? '';
    const reads = type === 'config' && (action === 'get' || action === 'show');
    if (type !== 'op') this.accounts.check(account, right, !reads && type !== 'export');
    switch (right) {
      case 'config':
        return this.#config(action, parameters, account.name);
      case 'op': {
        const { operation, at } = operationFor(this.#operations, readCommand(parameters.get('cmd')));
        this.accounts.check(account, 'op', operation.changes);
        return operation.run({ device: this, at, ...request });
      }
      case 'commit': {
        const cmd = readCommand(parameters.get('cmd'));
        return action === 'all' ? this.commitAll(cmd, account) : this.#commit(cmd, account.name);
      }
      case 'user-id':
        return this.userId(request, readCommand(parameters.get('cmd')));
      case 'export':
        if (parameters.get('category') !== 'configuration')
          throw refuse(codes.invalidCommand, ' category is not built');
        return { status: 'success', body: serialise(this.configuration.running) };
      case 'log':
        throw refuse(codes.invalidCommand, ' log is not built');
    }
  }

  #versionRows(): readonly Element[] {
    const { model = '', 'multi-vsys': multi = 'off' } = this.identity();
    return [
      element('sw-version', this.version),
      element('multi-vsys', multi),
      element('model', model),
      element('serial', this.serial),
    ];
  }

  #config(action: string, parameters: ReadonlyMap<string, string>, admin: string): Answer {
    const xpath = parameters.get('xpath') ?? '';
    const given = parameters.get('element') ?? '';
    if (action === 'get' || action === 'show') return this.#read(action, xpath);
    if (action === 'multi-config') return this.#multi(given, parameters.get('strict-transactional') === 'yes', admin);
    return this.#edit(admin, (draft) => {
      const answer = edits(draft, action, {
        xpath,
        given,
        where: parameters.get('where'),
        dst: parameters.get('dst'),
        newname: parameters.get('newname'),
        from: parameters.get('from'),
      });
      if (answer === undefined) throw refuse(codes.invalidCommand, ` action ${action} is not built`);
      return answer;
    });
  }

  #edit<T>(admin: string, by: (draft: Draft) => T): T {
    return this.configuration.write(admin, this.rulesFor(admin), by);
  }

  /** What edits and commits of an administrator have to keep to. */
  rulesFor(admin: string): EditRules {
    return {
      schema: this.schema,
      zonesKnown: this.zonesKnown,
      scopes: (root) => this.scopes(root),
      referencesAtEdit: this.quirks.referencesAt === 'edit',
      missingText: this.quirks.missingText,
      uuid: () => this.#uuid(),
      phantoms: (place) => this.#phantoms.get(place.join('/')) ?? [],
      allow: (place: Place) => this.locks.checkEdit(place, admin),
    };
  }

  #uuid(): string {
    this.#identities += 1;
    const hex = createHash('sha256').update(`${this.serial}/${this.#identities}`).digest('hex');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
  }

  /** What `get` or `show` reads besides the configuration proper. */
  protected extraRoots(): readonly Element[] {
    return [];
  }

  #read(action: 'get' | 'show', xpath: string): Answer {
    try {
      // Names alone: the vendor's own clients list what there is so.
      const names = xpath.endsWith('/entry/@name');
      const steps = parsePath(names ? xpath.slice(0, -'/@name'.length) : xpath);
      const own = action === 'get' ? this.configuration.candidate : this.configuration.running;
      const pushed = steps[1]?.name === 'panorama';
      if (!pushed) checkSteps(steps, this.schema);
      const root = pushed ? { ...own, children: this.extraRoots() } : own;
      const found = select(root, steps).map((one) =>
        names ? { ...one.element, children: [], text: '' } : one.element,
      );
      if (action === 'show') {
        const [only, ...more] = found;
        if (only === undefined) throw refuse(undefined, 'No such node');
        if (more.length > 0) throw refuse(codes.notUnique, 'Several nodes match; show takes one');
        return result([only]);
      }
      if (found.length === 0) return { status: 'success', code: codes.notPresent, body: '<result/>' };
      const count = String(found.length);
      return {
        status: 'success',
        code: codes.data,
        body: serialise(element('result', found, { 'total-count': count, count })),
      };
    } catch (thrown) {
      if (thrown instanceof BadPath) throw refuse(codes.badPath, `Invalid xpath: ${thrown.message}`);
      throw thrown;
    }
  }

  #multi(given: string, strict: boolean, admin: string): Answer {
    const operations = readCommand(given).children;
    if (operations.length > this.quirks.maxOperations)
      throw refuse(codes.notPossible, ` at most ${this.quirks.maxOperations} operations at once`);
    if (strict) {
      if (this.jobs.active) throw refuse(codes.notPossible, 'A commit is in progress.');
      this.configuration.giveUp(admin);
    }
    const answers: string[] = [];
    let failed: Answer | undefined;
    try {
      this.#edit(admin, (draft) => {
        for (const one of operations) {
          const id = one.attributes.get('id');
          const answer = oneOf(draft, one);
          answers.push(write(answer, id));
          if (answer.status === 'error') throw new Refusal(answer, 'the batch ends here');
        }
      });
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown;
      failed = thrown.answer;
    }
    return { status: failed?.status ?? 'success', code: failed?.code ?? codes.done, body: answers.join('') };
  }

  #commit(cmd: Element, admin: string): Answer {
    const request = readCommit(cmd);
    this.locks.checkCommit(admin);
    this.checkIdle();
    if (!request.force && !this.configuration.pending.some(request.includes))
      return { status: 'success', code: codes.data, body: '<msg>There are no changes to commit.</msg>' };
    return this.enqueued(
      this.jobs.enqueue({
        type: 'Commit',
        user: admin,
        ms: this.commitMs,
        begin: () => {
          const prepared = this.prepare(request.includes, admin);
          return () => this.#finishCommit(prepared, admin);
        },
      }),
      'Commit',
    );
  }

  enqueued(id: number, what: string): Answer {
    return result(`<msg><line>${what} job enqueued with jobid ${id}</line></msg><job>${id}</job>`, codes.data);
  }

  /** Throws while another commit runs, where the release keeps no queue. */
  checkIdle(): void {
    if (this.jobs.active && !this.quirks.commitQueue)
      throw refuse(codes.notPossible, 'Another commit/validate is in progress. Please try again later');
  }

  /** A configuration ready to run, with every reason why it is not. */
  prepare(includes: Parameters<Configuration['prepare']>[0], admin: string): Prepared {
    const prepared = this.configuration.prepare(includes, this.rulesFor(admin));
    return { ...prepared, mistakes: [...prepared.mistakes, ...this.tooMuch(prepared.root)] };
  }

  #finishCommit(prepared: Prepared, admin: string): Outcome {
    const planned = this.#failing.shift();
    if (planned !== undefined) return { result: 'FAIL', details: planned };
    if (prepared.mistakes.length > 0) return invalid(prepared.mistakes);
    const published = this.configuration.publish(prepared);
    if (!this.quirks.locksSurviveCommit) this.locks.drop(admin);
    this.committed(published);
    return { result: 'OK', details: ['Configuration committed successfully'], warnings: this.commitWarnings };
  }

  /** What every successful commit warns of, for tests. */
  commitWarnings: readonly string[] = [];

  validate(admin: string): Answer {
    this.checkIdle();
    const id = this.jobs.enqueue({
      type: 'Validate',
      user: admin,
      ms: this.commitMs,
      begin: () => {
        const { mistakes } = this.prepare(() => true, admin);
        return () => (mistakes.length > 0 ? invalid(mistakes) : { result: 'OK', details: ['Configuration is valid'] });
      },
    });
    return this.enqueued(id, 'Validate');
  }

  /** A scope that locks may name. */
  checkScope(name: string): void {
    if (!this.scopes(this.configuration.candidate).some((one) => one.name === name))
      throw refuse(codes.invalidObject, ' vsys is invalid');
  }

  /** The next commit job ends with these lines and without an effect. */
  failNextCommit(...details: readonly string[]): void {
    this.#failing.push(details.length === 0 ? ['Commit failed'] : details);
  }

  /** An object cannot be deleted although nothing uses it, until the device restarts (reference 1.3). */
  keepPhantomReference(xpath: string, ...users: readonly string[]): void {
    const place = parsePath(xpath).map(({ name, values }) =>
      values === undefined ? name : `${name} ${values[0] ?? ''}`,
    );
    this.#phantoms.set(place.join('/'), users);
  }

  auditComments(rule: string): readonly string[] {
    return this.#auditComments.get(rule) ?? [];
  }

  addAuditComment(rule: string, comment: string): void {
    this.#auditComments.set(rule, [...this.auditComments(rule), comment]);
  }

  /** Jobs, uncommitted changes and phantom references are gone; nobody is answered for `ms`. */
  protected restart(ms: number, up: () => void): void {
    this.jobs.forget();
    this.configuration.revert();
    this.#phantoms.clear();
    this.#bootedAt = this.clock.monotonic();
    this.front.down();
    const answers = (): void => {
      this.front.up();
      up();
    };
    if (ms === 0) answers();
    else this.clock.after(ms, answers);
  }

  /** The device restarts: what lives in memory is gone, and nobody is answered for `ms`. */
  abstract reboot(ms?: number): void;

  /** Another release overnight, with what it does otherwise; the device restarts with it. */
  upgrade(version: string, quirks: Partial<Quirks> = {}): void {
    this.version = release(version);
    this.quirks = { ...this.quirks, ...quirks };
    this.reboot();
  }
}

/** Throws in plain words on a release that is not simulated. */
function release(text: string): string {
  if (!/^(10\.[12]|11\.[012])\.\d+(-h\d+)?$/.test(text))
    throw new Error(`"${text}" is not a PAN-OS version from 10.1 to 11.2, as 11.1.2 or 11.1.2-h3`);
  return text;
}

export const invalid = (mistakes: readonly string[]): Outcome & { readonly result: JobResult } => ({
  result: 'FAIL',
  details: ['Validation Error:', ...mistakes],
});
