import { deadline } from '../../../base/deadline.ts';
import { SallyportError } from '../../../base/error.ts';
import type { MayGoOn } from '../../driver.ts';
import type { DeviceApi } from '../../https/device-api.ts';
import type { Envelope } from './envelope.ts';
import { isNoSuchNode } from './errors.ts';
import { type Login, ask } from './login.ts';
import { type XmlElement, xmlText } from './xml.ts';

/** One write has been answered by then, or counts as lost: the right to write outlasts it. */
const WRITE_MS = 8_000;

/** What `config` may do with the candidate (reference 1.3). */
export type Edit =
  | { readonly action: 'set' | 'edit'; readonly xpath: string; readonly element: readonly XmlElement[] }
  | { readonly action: 'delete'; readonly xpath: string }
  | { readonly action: 'move'; readonly xpath: string; readonly where: 'top' | 'bottom' }
  | { readonly action: 'move'; readonly xpath: string; readonly where: 'before' | 'after'; readonly dst: string };

/** Reached through Panorama: the serial number of the firewall that is meant. */
export interface Target {
  readonly target?: string | undefined;
  readonly vsys?: string | undefined;
}

/** The XML API of one firewall or Panorama, request by request. It keeps nothing but the key, and retries nothing but a key that ran out. */
export class PanosApi {
  readonly #device: DeviceApi;
  readonly #login: Login;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(device: DeviceApi, login: Login) {
    this.#device = device;
    this.#login = login;
  }

  /** The account that writes; its name where the credentials tell. */
  async account(signal: AbortSignal): Promise<{ readonly user: string | undefined }> {
    await this.#login.key(this.#device, signal);
    return { user: this.#login.user };
  }

  /** An operational command. One that only reads may be asked at any time. */
  async op(cmd: XmlElement, signal: AbortSignal, where: Target = {}): Promise<XmlElement | undefined> {
    const { result } = await this.#ask({ type: 'op', cmd: xmlText(cmd), ...defined(where) }, signal);
    return result;
  }

  /** One that changes something. Answers are whole: some have only a message. */
  async order(cmd: XmlElement, signal: AbortSignal, mayGoOn: MayGoOn, where: Target = {}): Promise<Envelope> {
    return await this.#write({ type: 'op', cmd: xmlText(cmd), ...defined(where) }, signal, mayGoOn);
  }

  /** The candidate's nodes at a path; none where it leads nowhere. */
  async candidate(xpath: string, signal: AbortSignal): Promise<readonly XmlElement[]> {
    const { result } = await this.#ask({ type: 'config', action: 'get', xpath }, signal);
    return result?.children ?? [];
  }

  /** The running configuration's node at a path; `undefined` where it leads nowhere. */
  async running(xpath: string, signal: AbortSignal, where: Target = {}): Promise<XmlElement | undefined> {
    try {
      const { result } = await this.#ask({ type: 'config', action: 'show', xpath, ...defined(where) }, signal);
      return result?.children[0];
    } catch (thrown) {
      if (isNoSuchNode(thrown)) return undefined;
      throw thrown;
    }
  }

  /**
   * Edits of the candidate in one request, all or none (reference 1.4). Never `strict-transactional`: it throws away what the same account has
   * edited before, and we shall not lose a person's work who used it by mistake.
   */
  async edit(edits: readonly Edit[], signal: AbortSignal, mayGoOn: MayGoOn): Promise<void> {
    await this.#write({ type: 'config', action: 'multi-config', element: multiConfig(edits) }, signal, mayGoOn);
  }

  /** A commit, or a push to firewalls (`all`). */
  async commit(cmd: XmlElement, signal: AbortSignal, mayGoOn: MayGoOn, action?: 'all' | 'partial'): Promise<Envelope> {
    return await this.#write(
      { type: 'commit', ...(action === undefined ? {} : { action }), cmd: xmlText(cmd) },
      signal,
      mayGoOn,
    );
  }

  /** Registered addresses. */
  async userId(message: XmlElement, signal: AbortSignal, mayGoOn: MayGoOn, where: Target = {}): Promise<Envelope> {
    return await this.#write({ type: 'user-id', cmd: xmlText(message), ...defined(where) }, signal, mayGoOn);
  }

  async #write(parameters: Readonly<Record<string, string>>, signal: AbortSignal, mayGoOn: MayGoOn): Promise<Envelope> {
    // One at a time, also to several firewalls: what a process has on the wire when it loses its right to write is one request.
    const turn = this.#turn.then(async () => {
      // Made before, so that nothing stands between the question and the write.
      await this.#login.key(this.#device, signal);
      signal.throwIfAborted();
      using limit = deadline(signal, WRITE_MS, 'DEVICE_UNREACHABLE');
      mayGoOn();
      return await this.#ask(parameters, limit.signal, mayGoOn);
    });
    this.#turn = turn.catch(() => undefined);
    return await turn;
  }

  async #ask(
    parameters: Readonly<Record<string, string>>,
    signal: AbortSignal,
    mayGoOn: MayGoOn = () => undefined,
  ): Promise<Envelope> {
    const key = await this.#login.key(this.#device, signal);
    try {
      return await ask(this.#device, parameters, { 'x-pan-key': key.key }, [key.key], signal);
    } catch (thrown) {
      if (!(thrown instanceof SallyportError) || thrown.code !== 'DEVICE_CREDENTIALS') throw thrown;
      // Keys have a lifetime, and a request that is not let in had no effect.
      const other = await this.#login.renewed(key, thrown, this.#device, signal);
      mayGoOn();
      return await ask(this.#device, parameters, { 'x-pan-key': other.key }, [other.key], signal);
    }
  }
}

/** The text of a batch; also what plans show. */
export function multiConfig(edits: readonly Edit[]): string {
  const texts = edits.map((edit, at) => {
    const attributes = new Map([
      ['id', `${at + 1}`],
      ['xpath', edit.xpath],
    ]);
    if (edit.action === 'move') {
      attributes.set('where', edit.where);
      if ('dst' in edit) attributes.set('dst', edit.dst);
    }
    return xmlText({ name: edit.action, attributes, children: 'element' in edit ? edit.element : [], text: '' });
  });
  return `<multi-config>${texts.join('')}</multi-config>`;
}

function defined(where: Target): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(where).filter((pair): pair is [string, string] => pair[1] !== undefined));
}

/** A command of nested elements, the last one with this content: `command(['show', 'system', 'info'])`. */
export function command(path: readonly string[], content: string | readonly XmlElement[] = []): XmlElement {
  const [name = '', ...rest] = path;
  const inside = rest.length === 0 ? content : [command(rest, content)];
  return typeof inside === 'string'
    ? { name, attributes: new Map(), children: [], text: inside }
    : { name, attributes: new Map(), children: inside, text: '' };
}
