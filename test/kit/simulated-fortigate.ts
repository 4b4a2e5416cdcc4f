import { type Fault, FortiGate, type FortiGateOptions } from '../../simulators/fortigate/index.ts';
import { systemClock } from '../../src/base/clock.ts';
import { parseHttpsAddress } from '../../src/firewalls/https/device-address.ts';
import { writeAtOnce } from '../../src/firewalls/rulebase/plain-dialect.fixture.ts';
import { FortigateDriver, type FortigateDriverOptions } from '../../src/firewalls/fortigate/driver.ts';
import { fortigateOptions } from '../../src/firewalls/fortigate/settings.ts';

/** A FortiGate to talk to, and drivers as new processes would make them. */
export class SimulatedDevice implements AsyncDisposable {
  readonly device: FortiGate;
  readonly #drivers: FortigateDriver[] = [];

  private constructor(device: FortiGate) {
    this.device = device;
  }

  static async start(options: FortiGateOptions = {}): Promise<SimulatedDevice> {
    return new SimulatedDevice(await FortiGate.start(options));
  }

  connect(options: object = {}, rest: Partial<FortigateDriverOptions> = {}): FortigateDriver {
    const { url, certificate, token } = this.device;
    const driver = new FortigateDriver({
      url: parseHttpsAddress(url),
      tls: { ca: certificate ?? '' },
      credentials: { title: 'a test', read: () => Promise.resolve(new Map([['token', token]])) },
      options: fortigateOptions.parse(options),
      adopt: [],
      owner: { cluster: 'lab', firewall: 'edge-1' },
      clock: systemClock,
      write: writeAtOnce,
      ...rest,
    });
    this.#drivers.push(driver);
    return driver;
  }

  /** Requests so far that change something, with their paths. */
  writes(): readonly string[] {
    return this.device.served
      .filter(({ method, url }) => method !== 'GET' && !url.includes('transaction-abort'))
      .map(({ method, url }) => `${method} ${url.replace('/api/v2/', '')}`);
  }

  /** From the `n`-th request on that is no reading nothing arrives; it may itself be done, and not answered. */
  dieAt(n: number, how: 'unsent' | 'unanswered'): void {
    const { faults } = this.device;
    let seen = 0;
    faults.take = (method): Fault | undefined => {
      if (method !== 'GET') seen++;
      if (method === 'GET' || seen < n) return undefined;
      return { kind: seen === n && how === 'unanswered' ? 'answer lost' : 'request lost' };
    };
  }

  /** The end of it. */
  live(): void {
    Reflect.deleteProperty(this.device.faults, 'take');
    this.device.faults.clear();
  }

  /** The addresses in a group or feed, as the device's own text has them; without those that nobody has. */
  members(group: string): readonly string[] {
    const { hand } = this.device;
    const rows = [hand.get('firewall/addrgrp', group), hand.get('firewall/addrgrp6', group)];
    const objects = JSON.stringify(rows).match(/sp-[0-9a-f.:_]+-[0-9a-f]{12}/g) ?? [];
    return [...objects.map((name) => name.slice(3, -13)), ...this.#listed(group)].filter(
      (address) => address !== '0.0.0.0' && address !== '::',
    );
  }

  /** What a feed holds: no part of the configuration. */
  #listed(feed: string): readonly string[] {
    return [...this.device.live.feeds.state('root', feed).entries.values()].map(({ text }) => text).toSorted();
  }

  /** Rules of somebody else around whatever comes. */
  addForeignRules(): void {
    const { hand } = this.device;
    hand.create('firewall/address', { name: 'theirs', subnet: '192.0.2.0/24' });
    const ends = { srcintf: [{ name: 'port2' }], dstintf: [{ name: 'port1' }], schedule: 'always' };
    const addresses = { srcaddr: [{ name: 'theirs' }], dstaddr: [{ name: 'all' }], service: [{ name: 'ALL' }] };
    hand.create('firewall/policy', { name: 'their first', ...ends, ...addresses, action: 'deny' });
    hand.create('firewall/policy', { name: 'their rule', ...ends, ...addresses, action: 'accept' });
    hand.create('firewall/policy', { name: 'their last', ...ends, ...addresses, action: 'accept' });
  }

  keyOfForeignRule(): string {
    const { hand } = this.device;
    const found = hand
      .keys('firewall/policy')
      .find((key) => JSON.stringify(hand.get('firewall/policy', key)).includes('their last'));
    return found ?? '';
  }

  /** Keys of a table whose entries bear our mark, in its order; not what only we know of. */
  keysOfOurs(table: string): readonly string[] {
    const { hand } = this.device;
    return hand.keys(table).filter((key) => {
      const text = JSON.stringify(hand.get(table, key));
      return text.includes('sallyport:lab:') && !text.includes('sallyport:lab:writer');
    });
  }

  /** The object of ours with this address, and the first group of ours that holds it. */
  objectOf(address: string): string {
    return this.keysOfOurs('firewall/address').find((key) => key.startsWith(`sp-${address}-`)) ?? '';
  }

  groupWith(address: string): string {
    const { hand } = this.device;
    const object = this.objectOf(address);
    const holds = (key: string): boolean => JSON.stringify(hand.get('firewall/addrgrp', key)).includes(`"${object}"`);
    return this.keysOfOurs('firewall/addrgrp').find(holds) ?? '';
  }

  /** How many requests that write arrived. */
  get received(): number {
    return this.device.served.filter(({ method, url }) => method !== 'GET' && !url.includes('transaction-abort'))
      .length;
  }

  /**
   * Every entry of ours as the device's command line writes it, in its order, and what feeds hold; keys that the device chose and who wrote
   * last are left out.
   */
  ours(): string {
    return this.#entries((entry) => entry.includes('sallyport:lab:'));
  }

  foreign(): string {
    return this.#entries((entry, table) => table !== 'config system' && !entry.includes('sallyport:lab:'));
  }

  #entries(isWanted: (entry: string, table: string) => boolean): string {
    const kept: string[] = [];
    let table = '';
    let entry: string[] | undefined;
    for (const line of this.device.dump().split('\n')) {
      if (line.startsWith('config ')) table = line;
      else if (line.startsWith('    edit ')) entry = [line];
      else if (line.startsWith('    next') && entry !== undefined) {
        const text = entry.join('\n');
        const isFeed = table.startsWith('config system external');
        const holds = isFeed ? `\n    holds ${this.#listed(text.split('"')[1] ?? '').join()}` : '';
        if (isWanted(text, isFeed ? table : table.slice(0, 13))) kept.push(`${table}\n${plain(text)}${holds}\n`);
        entry = undefined;
      } else entry?.push(line);
    }
    return kept.join('');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const driver of this.#drivers) await driver.close();
    await this.device[Symbol.asyncDispose]();
  }
}

/** Numbers of policies are the device's choice, and a writer's name that of a process. */
function plain(entry: string): string {
  const isOurs = entry.includes('sallyport:');
  const text = entry.replace(/(sallyport:lab:writer) [0-9a-f]{8}/, '$1');
  return isOurs ? text.replace(/^ {4}edit \d+$/m, '    edit N') : text;
}
