import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { ownCertificate } from '../frame/certificate.ts';
import { rule, rules, told, vsys } from './client.fixture.ts';
import { PanOs, type PanOsOptions } from './index.ts';
import type { Element } from './xml.ts';

const certificate = ownCertificate({
  commonName: 'feeds',
  names: ['127.0.0.1'],
  from: Date.now() - 86_400_000,
  to: Date.now() + 86_400_000,
});

/** A server of lists that does what its test says. */
class Feeds implements AsyncDisposable {
  readonly #server: Server;
  readonly asked: (string | undefined)[] = [];
  text = '';
  status = 200;
  /** Ends the connection in the middle of the list. */
  cutsOff = false;

  static async start(secure: boolean): Promise<Feeds> {
    const server = secure
      ? createSecureServer({ cert: certificate.certificate, key: certificate.key })
      : createServer();
    const feeds = new Feeds(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return feeds;
  }

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request, response) => {
      this.asked.push(request.headers.authorization);
      if (this.cutsOff) {
        response.writeHead(200, { 'content-length': 1000 });
        response.write(this.text, () => request.socket.destroy());
      } else response.writeHead(this.status).end(this.text);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function device(options: PanOsOptions = {}) {
  const clock = new FakeClock();
  const firewall = await PanOs.start({ zones: ['k8s', 'internet'], clock, commitMs: 10, ...options });
  const set = (xpath: string, element: string): string =>
    told(firewall.byHand({ type: 'config', action: 'set', xpath, element }));
  return Object.assign(firewall, {
    time: clock,
    set,
    list: (name: string, url: string, more = '', when = '<five-minute/>') =>
      set(
        `${vsys}/external-list/entry[@name='${name}']`,
        `<type><ip><url>${url}</url>${more}<recurring>${when}</recurring></ip></type>`,
      ),
    async commit(): Promise<void> {
      firewall.byHand({ type: 'commit', cmd: '<commit/>' });
      clock.advance(10);
      await firewall.lists.settled();
    },
    async later(ms: number): Promise<void> {
      clock.advance(ms);
      await firewall.lists.settled();
    },
    op: (cmd: string, more: Readonly<Record<string, string>> = {}): string =>
      told(firewall.byHand({ type: 'op', cmd, ...more })),
    entries: (name: string): readonly string[] => firewall.lists.texts(`vsys1/${name}`) ?? [],
    lets: (source: string): string =>
      firewall.passes({
        source,
        destination: '203.0.113.1',
        protocol: 'tcp',
        destinationPort: 443,
        from: 'k8s',
        to: 'internet',
      }).verdict,
  });
}

/** Every text and every name in an answer, in order. */
function textsIn({ text, children, attributes }: Element): readonly string[] {
  const own = [attributes.get('name') ?? '', text.trim()].filter((one) => one !== '');
  return [...own, ...children.flatMap(textsIn)];
}

const MINUTE = 60_000;

describe('external lists', () => {
  test('are fetched once they run, and every five minutes', async () => {
    await using feeds = await Feeds.start(false);
    await using firewall = await device();
    feeds.text =
      '10.0.0.1\n10.0.1.0/24 a comment\n10.2.0.1-10.2.0.9\t# another\n2001:db8::/32\nnonsense\n\n10.9.9.9/33\n';
    firewall.list('e', `http://127.0.0.1:${feeds.port}/x`);
    firewall.set(`${rules}/entry[@name='r1']`, rule({ source: 'e' }));
    expect(feeds.asked).toHaveLength(0);
    await firewall.commit();
    expect(feeds.asked).toEqual([undefined]);
    expect(firewall.entries('e')).toEqual(['10.0.0.1', '10.0.1.0/24', '10.2.0.1-10.2.0.9', '2001:db8::/32']);
    expect(firewall.systemLog.map(({ text }) => text)).toEqual(['e: 2 invalid entries were skipped']);
    expect(['10.0.0.1', '10.0.1.77', '10.2.0.9', '10.2.0.10'].map(firewall.lets)).toEqual([
      'pass',
      'pass',
      'pass',
      'stop',
    ]);
    feeds.text = '10.2.0.10\n';
    await firewall.later(5 * MINUTE - 20);
    expect(feeds.asked).toHaveLength(1);
    await firewall.later(20);
    expect(firewall.entries('e')).toEqual(['10.2.0.10']);
    // Whether a list without entries is taken is not known.
    feeds.text = '';
    await firewall.later(5 * MINUTE);
    expect(firewall.entries('e')).toEqual(['10.2.0.10']);
    firewall.quirks = { ...firewall.quirks, emptyLists: 'taken' };
    await firewall.later(5 * MINUTE);
    expect(firewall.entries('e')).toEqual([]);
  });

  test.each([
    ['<hourly/>', 60 * MINUTE],
    ['<daily><at>03</at></daily>', 15 * 60 * MINUTE],
    ['<weekly><day-of-week>wednesday</day-of-week><at>12</at></weekly>', 48 * 60 * MINUTE],
    ['<monthly><day-of-month>6</day-of-month><at>00</at></monthly>', 12 * 60 * MINUTE],
  ])('%s', async (when, ms) => {
    await using feeds = await Feeds.start(false);
    // Monday, 5 January 2026, noon.
    await using firewall = await device({ commitMs: 0 });
    firewall.list('e', `http://127.0.0.1:${feeds.port}/x`, '', when);
    firewall.byHand({ type: 'commit', cmd: '<commit/>' });
    await firewall.later(0);
    await firewall.later(ms - 1);
    expect(feeds.asked).toHaveLength(1);
    await firewall.later(1);
    expect(feeds.asked).toHaveLength(2);
  });

  test('keep their last good content while the server is away, over a restart too', async () => {
    await using feeds = await Feeds.start(false);
    await using firewall = await device();
    feeds.text = '10.0.0.1\n';
    firewall.list('e', `http://127.0.0.1:${feeds.port}/x`);
    await firewall.commit();
    for (const fault of ['500', '404', 'cut off']) {
      feeds.status = fault === 'cut off' ? 200 : Number(fault);
      feeds.cutsOff = fault === 'cut off';
      feeds.text = '10.0.0.2\n';
      await firewall.later(5 * MINUTE);
      expect(firewall.entries('e')).toEqual(['10.0.0.1']);
    }
    expect(firewall.systemLog).toHaveLength(3);
    expect(firewall.systemLog[0]?.text).toBe('e: Unable to fetch external list. Using old copy for refresh.');
    firewall.reboot();
    await firewall.lists.settled();
    expect(firewall.entries('e')).toEqual(['10.0.0.1']);
    feeds.cutsOff = false;
    await firewall.later(5 * MINUTE);
    expect(firewall.entries('e')).toEqual(['10.0.0.2']);
  });

  test('are not enforced once their server refuses the credentials', async () => {
    await using feeds = await Feeds.start(true);
    await using firewall = await device();
    feeds.text = '10.0.0.1\n';
    firewall.list(
      'e',
      `https://127.0.0.1:${feeds.port}/x`,
      '<auth><username>fw1</username><password>secret</password></auth>',
    );
    firewall.set(`${rules}/entry[@name='r1']`, rule({ source: 'e' }));
    await firewall.commit();
    expect(feeds.asked).toEqual([`Basic ${Buffer.from('fw1:secret').toString('base64')}`]);
    expect(firewall.lets('10.0.0.1')).toBe('pass');
    for (const status of [401, 403]) {
      feeds.status = status;
      await firewall.later(5 * MINUTE);
      expect(firewall.lets('10.0.0.1')).toBe('stop');
      // A server that is away after that does not bring the old copy back.
      feeds.status = 503;
      await firewall.later(5 * MINUTE);
      expect(firewall.lets('10.0.0.1')).toBe('stop');
      feeds.status = 200;
      await firewall.later(5 * MINUTE);
      expect(firewall.lets('10.0.0.1')).toBe('pass');
    }
  });

  test("check the server's certificate where a profile says so", async () => {
    await using feeds = await Feeds.start(true);
    feeds.text = '10.0.0.1\n';
    const other = ownCertificate({
      commonName: 'x',
      names: ['127.0.0.1'],
      from: Date.now() - 1000,
      to: Date.now() + 86_400_000,
    });
    for (const [pem, entries] of [
      [certificate.certificate, ['10.0.0.1']],
      [other.certificate, []],
    ] as const) {
      await using firewall = await device();
      firewall.installAuthority('feed-ca', pem);
      firewall.list('e', `https://127.0.0.1:${feeds.port}/x`, '<certificate-profile>feed-ca</certificate-profile>');
      await firewall.commit();
      expect(firewall.entries('e')).toEqual(entries);
    }
  });

  test('are as long as the device holds, in their order, and without exceptions', async () => {
    await using feeds = await Feeds.start(false);
    await using firewall = await device({ capacity: { 'edl-ip': 3 } });
    feeds.text = '10.0.0.1\n10.0.0.2\n10.0.0.0/24\n';
    firewall.list(
      'e1',
      `http://127.0.0.1:${feeds.port}/1`,
      '<exception-list><member>10.0.0.1</member></exception-list>',
    );
    firewall.list('e2', `http://127.0.0.1:${feeds.port}/2`);
    await firewall.commit();
    expect(firewall.entries('e1')).toEqual(['10.0.0.2', '10.0.0.0/24']);
    expect(firewall.entries('e2')).toEqual(['10.0.0.1']);
    expect(
      firewall.op('<request><system><external-list><list-capacities/></external-list></system></request>'),
    ).toMatch(/^success: 3 \| 3 \|/);
  });

  test('refresh on demand: a job that its answer does not name', async () => {
    await using feeds = await Feeds.start(false);
    await using firewall = await device();
    firewall.list('e', `http://127.0.0.1:${feeds.port}/1`);
    await firewall.commit();
    feeds.text = '10.0.0.7\n10.0.0.8\n';
    const cmd = (name: string): string =>
      `<request><system><external-list><refresh><type><ip><name>${name}</name></ip></type></refresh></external-list></system></request>`;
    expect(firewall.op(cmd('e'))).toBe('success: EDL refresh job enqueued');
    await firewall.later(0);
    expect(firewall.op('<show><jobs><all/></jobs></show>')).toContain('EDLRefresh | FIN | NO | no | OK');
    const show = (inside: string): string =>
      firewall.op(
        `<request><system><external-list><show><type><ip><name>e</name>${inside}</ip></type></show></external-list></system></request>`,
      );
    expect(show('<anchor>1</anchor><num-records>1000</num-records>')).toBe('success: 2 | 0 | 10.0.0.7 | 10.0.0.8');
    expect(show('<anchor>2</anchor><num-records>1</num-records>')).toBe('success: 2 | 0 | 10.0.0.8');
    expect(firewall.op(cmd('x'))).toContain('error 13');
  });

  test.each([
    ['member', ['2', '0', '10.0.0.7', '10.0.0.8'], ['0', '0']],
    ['entry', ['2', '0', '10.0.0.7', '10.0.0.8'], ['0', '0']],
    ['line', ['10.0.0.7', '10.0.0.8'], []],
    ['text', ['10.0.0.7\n10.0.0.8'], []],
  ] as const)(
    'tell their content in rows of the form %s, whether rules go by it or not',
    async (listRows, full, none) => {
      for (const showsRefusedLists of [true, false]) {
        await using feeds = await Feeds.start(false);
        await using firewall = await device({ quirks: { listRows, showsRefusedLists } });
        firewall.list('e', `http://127.0.0.1:${feeds.port}/1`);
        feeds.text = '10.0.0.7\n10.0.0.8\n';
        await firewall.commit();
        const cmd =
          '<request><system><external-list><show><type><ip><name>e</name></ip></type></show></external-list></system></request>';
        const show = (): readonly string[] => textsIn(firewall.byHand({ type: 'op', cmd }));
        expect(show()).toEqual(full);
        feeds.status = 401;
        await firewall.later(5 * MINUTE);
        expect(firewall.entries('e')).toEqual([]);
        expect(show()).toEqual(showsRefusedLists ? full : none);
      }
    },
  );

  test('on several vsys a command needs the one that its connection has set', async () => {
    await using firewall = await device({ model: 'PA-3220', vsys: ['vsys1', 'vsys2'] });
    const cmd =
      '<request><system><external-list><refresh><type><ip><name>e</name></ip></type></refresh></external-list></system></request>';
    expect(firewall.op(cmd)).toContain('error 17');
    const set = (vsys: string): string =>
      `<set><system><setting><target-vsys>${vsys}</target-vsys></setting></system></set>`;
    expect(firewall.op(set('vsys9'))).toContain('error 12');
    expect(firewall.op(set('vsys2'))).toContain('success');
    expect(firewall.op(cmd)).toContain('error 13');
  });
});
