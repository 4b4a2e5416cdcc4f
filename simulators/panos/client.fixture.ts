import { Agent, request } from 'undici';
import { descend, type Element, parseXml } from './xml.ts';

/** Devices make their own certificates; who they are is not what is tested with this client. */
const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });

/** A client that sends what it is told to, and nothing else. */
export class RawClient {
  readonly #url: string;
  readonly #key: string;

  constructor(url: string, key: string) {
    this.#url = url;
    this.#key = key;
  }

  static async login(url: string, user = 'admin', password = 'admin'): Promise<RawClient> {
    const answer = await new RawClient(url, '').post({ type: 'keygen', user, password });
    return new RawClient(url, descend(answer, 'result', 'key')?.text ?? '');
  }

  /** The `response` element. */
  async post(parameters: Readonly<Record<string, string>>): Promise<Element> {
    return parseXml((await this.raw(parameters)).text);
  }

  async raw(
    parameters: Readonly<Record<string, string>>,
  ): Promise<{ readonly status: number; readonly type: string | undefined; readonly text: string }> {
    const form = new URLSearchParams({ ...parameters, ...(this.#key === '' ? {} : { key: this.#key }) });
    const { statusCode, headers, body } = await request(`${this.#url}/api/`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
      dispatcher,
    });
    return { status: statusCode, type: headers['content-type']?.toString(), text: await body.text() };
  }

  config(action: string, xpath: string, more: Readonly<Record<string, string>> = {}): Promise<Element> {
    return this.post({ type: 'config', action, xpath, ...more });
  }

  op(cmd: string, more: Readonly<Record<string, string>> = {}): Promise<Element> {
    return this.post({ type: 'op', cmd, ...more });
  }

  userId(payload: string, more: Readonly<Record<string, string>> = {}): Promise<Element> {
    const cmd = `<uid-message><version>2.0</version><type>update</type><payload>${payload}</payload></uid-message>`;
    return this.post({ type: 'user-id', cmd, ...more });
  }
}

/** Status, code and every line of an answer: `error 10: a b`. */
export function told(answer: Element): string {
  const texts: string[] = [];
  const go = (of: Element): void => {
    if (of.children.length === 0 && of.text.trim() !== '') texts.push(of.text.trim());
    of.children.forEach(go);
  };
  go(answer);
  const code = answer.attributes.get('code');
  return `${answer.attributes.get('status')}${code === undefined ? '' : ` ${code}`}: ${texts.join(' | ')}`;
}

export const vsys = "/config/devices/entry[@name='localhost.localdomain']/vsys/entry[@name='vsys1']";
export const rules = `${vsys}/rulebase/security/rules`;
export const natRules = `${vsys}/rulebase/nat/rules`;

/** What a rule has at least. */
export const rule = ({
  source = 'any',
  destination = 'any',
  action = 'allow',
  from = 'k8s',
  to = 'internet',
  service = 'any',
  more = '',
}: Readonly<Record<string, string>> = {}): string =>
  `<from><member>${from}</member></from><to><member>${to}</member></to><source><member>${source}</member></source>` +
  `<destination><member>${destination}</member></destination><application><member>any</member></application>` +
  `<service><member>${service}</member></service><action>${action}</action>${more}`;
