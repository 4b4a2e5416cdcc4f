import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { Authority, type Issued } from '../../test/kit/certificates.ts';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { ForwardProxy } from '../../test/kit/forward-proxy.ts';
import { SmallApi } from '../../test/kit/small-api.ts';
import { TlsApi } from '../../test/kit/tls-api.ts';
import { SallyportError } from '../base/error.ts';
import { connectKubeconfig, type FromKubeconfig } from './kubeconfig.ts';
import type { Connected } from './in-cluster.ts';

let base: string;
let authority: Authority;
let clients: Authority;
let server: Issued;
let alice: Issued;
let bob: Issued;
let late: Issued;
beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'sallyport-kubeconfig-test-'));
  authority = new Authority(base, 'server CA');
  clients = new Authority(base, 'client CA');
  server = authority.issue('/CN=api', { names: 'IP:127.0.0.1,DNS:api.example' });
  alice = clients.issue('/CN=alice');
  bob = clients.issue('/CN=bob');
  late = clients.issue('/O=ops/CN=late', { expired: true });
});
afterAll(() => rmSync(base, { recursive: true }));

let folder: string;
let api: TlsApi;
let clock: FakeClock;
let warnings: string[];
let open: Connected[];
beforeEach(async () => {
  folder = mkdtempSync(join(base, 'case-'));
  api = await TlsApi.start(server, clients);
  clock = new FakeClock(Date.now());
  warnings = [];
  open = [];
});
afterEach(async () => {
  for (const { client } of open) await client.close();
  await api.stop();
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const never = new AbortController().signal;

type Fields = Readonly<Record<string, unknown>>;

const pairOf = ({ certificate, key }: Issued): Fields => ({
  'client-certificate-data': base64(certificate),
  'client-key-data': base64(key),
});

/** A kubeconfig with one context; `cluster` and `user` are added to, or stand in place of, what works. */
function written(user: Fields | undefined, cluster: Fields = {}, name = 'config'): string {
  const path = join(folder, name);
  const works = { server: api.url, 'certificate-authority-data': base64(authority.certificate) };
  writeFileSync(
    path,
    stringify({
      'current-context': 'here',
      clusters: [{ name: 'c', cluster: { ...works, ...cluster } }],
      users: user === undefined ? [] : [{ name: 'u', user }],
      contexts: [
        { name: 'here', context: { cluster: 'c', namespace: 'shop', ...(user === undefined ? {} : { user: 'u' }) } },
      ],
    }),
  );
  return path;
}

async function connect(path: string | undefined, more: Partial<FromKubeconfig> = {}): Promise<Connected> {
  const log = { debug() {}, info() {}, warn: (_: object, text: string) => warnings.push(text), error() {} };
  const environment = { PATH: process.env['PATH'], HOME: folder };
  const connected = await connectKubeconfig({ path, environment, log, clock, ...more });
  open.push(connected);
  return connected;
}

async function ask({ client }: Connected): Promise<unknown> {
  return await client.call({ method: 'GET', path: '/api' }, never);
}

/** What the server sees of somebody. */
async function seenOf(
  user: Fields | undefined,
  cluster: Fields = {},
  more: Partial<FromKubeconfig> = {},
): Promise<TlsApi['seen'][0]> {
  const connected = await connect(written(user, cluster), more);
  expect(await ask(connected)).toEqual({ in: true });
  return api.seen.at(-1) ?? expect.fail('nobody came');
}

const failure = (work: Promise<unknown>): Promise<SallyportError> =>
  work.then(
    () => expect.fail('did not fail'),
    (thrown: unknown) => (thrown instanceof SallyportError ? thrown : expect.fail(String(thrown))),
  );

describe('who asks', () => {
  test('nobody', async () => {
    expect(await seenOf(undefined)).toMatchObject({ authorization: undefined, commonName: undefined });
  });

  test('a token', async () => {
    expect((await seenOf({ token: 'abc' })).authorization).toBe('Bearer abc');
  });

  test('a token in a file, which is read again', async () => {
    writeFileSync(join(folder, 'token'), 'one\n');
    const connected = await connect(written({ tokenFile: './token' }));
    await ask(connected);
    writeFileSync(join(folder, 'token'), 'the second\n'.replace(' ', '-'));
    clock.advance(1_000);
    await ask(connected);
    expect(api.seen.map(({ authorization }) => authorization)).toEqual(['Bearer one', 'Bearer the-second']);
  });

  test('a name and a password', async () => {
    expect((await seenOf({ username: 'ann', password: 'p:w' })).authorization).toBe(`Basic ${base64('ann:p:w')}`);
  });

  test('a client certificate as data', async () => {
    expect((await seenOf(pairOf(alice))).commonName).toBe('alice');
  });

  test('a client certificate in files, which are read again; a half of the old and the new is not shown', async () => {
    const put = (from: string, to: string): void => copyFileSync(from, join(folder, to));
    put(alice.certificateFile, 'crt');
    put(alice.keyFile, 'key');
    const connected = await connect(written({ 'client-certificate': 'crt', 'client-key': 'key' }));
    await ask(connected);
    put(bob.certificateFile, 'crt');
    clock.advance(60_000);
    expect((await failure(ask(connected))).message).toBe('the client certificate does not belong to the client key');
    put(bob.keyFile, 'key');
    clock.advance(60_000);
    await ask(connected);
    expect(api.seen.map(({ commonName }) => commonName)).toEqual(['alice', 'bob']);
  });

  test('an expired client certificate is told with its date', async () => {
    api.lets = ({ commonName }) => commonName !== undefined;
    const error = await failure(ask(await connect(written(pairOf(late)))));
    expect(error.code).toBe('API_UNAUTHORIZED');
    expect(error.message).toMatch(/; the client certificate \(O=ops, CN=late\) expired on \d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });

  test('an expired one is told as well where the handshake already fails', async () => {
    await api.stop();
    api = await TlsApi.start(server, clients, { demands: true });
    const error = await failure(ask(await connect(written(pairOf(late)))));
    expect(error.code).toBe('API_UNREACHABLE');
    expect(error.message).toMatch(/; the client certificate \(O=ops, CN=late\) expired on /);
  });

  test('somebody as somebody else', async () => {
    const user = {
      token: 't',
      as: 'jane',
      'as-uid': '7',
      'as-groups': ['a', 'b'],
      'as-user-extra': { 'x/Y': ['1', '2'] },
    };
    expect((await seenOf(user)).headers).toMatchObject({
      'impersonate-user': 'jane',
      'impersonate-uid': '7',
      'impersonate-group': 'a, b',
      'impersonate-extra-x%2fy': '1, 2',
    });
  });

  test('an auth-provider, by the library', async () => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const token = `${part({ alg: 'none' })}.${part({ exp: Math.floor(Date.now() / 1_000) + 3_600 })}.sig`;
    const user = { 'auth-provider': { name: 'oidc', config: { 'id-token': token } } };
    expect((await seenOf(user)).authorization).toBe(`Bearer ${token}`);
    const none = await connect(written({ 'auth-provider': { name: 'oidc', config: {} } }));
    expect((await failure(ask(none))).message).toBe('the auth-provider oidc gives no token; log in again');
  });
});

describe('a credential plugin', () => {
  /** A shell script in `bin/plugin` that counts its runs, and prints the status. */
  function plugin(status: string, more = ''): Fields {
    mkdirSync(join(folder, 'bin'), { recursive: true });
    writeFileSync(
      join(folder, 'bin/plugin'),
      `#!/bin/sh
echo run >> '${folder}/runs'
printf %s "$KUBERNETES_EXEC_INFO" > '${folder}/info'
n=$(wc -l < '${folder}/runs')
${more}
cat <<EOF
{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": ${status}}
EOF
`,
      { mode: 0o755 },
    );
    return { apiVersion: 'client.authentication.k8s.io/v1', command: './bin/plugin', interactiveMode: 'Never' };
  }
  const user = (exec: Fields): Fields => ({ exec });
  const authorizations = (): readonly (string | undefined)[] => api.seen.map(({ authorization }) => authorization);

  test('is run once, by its path from the file, with its arguments and environment', async () => {
    const exec = {
      ...plugin('{"token": "$1-$EXTRA-$n"}'),
      args: ['first'],
      env: [{ name: 'EXTRA', value: 'e' }],
      provideClusterInfo: true,
    };
    const connected = await connect(written(user(exec), { 'tls-server-name': 'api.example' }));
    await Promise.all([ask(connected), ask(connected)]);
    await ask(connected);
    expect(authorizations()).toEqual(Array.from({ length: 3 }, () => 'Bearer first-e-1'));
    expect(JSON.parse(readFileSync(join(folder, 'info'), 'utf8'))).toEqual({
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      spec: {
        interactive: false,
        cluster: {
          server: api.url,
          'tls-server-name': 'api.example',
          'certificate-authority-data': base64(authority.certificate),
        },
      },
    });
  });

  test('gives a client certificate', async () => {
    const status = { clientCertificateData: alice.certificate, clientKeyData: alice.key };
    expect((await seenOf(user(plugin(JSON.stringify(status).replaceAll('\\n', '\\\\n'))))).commonName).toBe('alice');
  });

  test('is run again when what it gave has expired', async () => {
    const expires = new Date(clock.wall() + 60_000).toISOString();
    const connected = await connect(written(user(plugin(`{"token": "t$n", "expirationTimestamp": "${expires}"}`))));
    await ask(connected);
    clock.advance(59_999);
    await ask(connected);
    clock.advance(1);
    await ask(connected);
    expect(authorizations()).toEqual(['Bearer t1', 'Bearer t1', 'Bearer t2']);
  });

  test('is run again after a 401, once for all who got it, and rests after that', async () => {
    const connected = await connect(written(user(plugin('{"token": "t$n"}'))));
    await ask(connected);
    api.lets = ({ authorization }) => authorization === 'Bearer t2';
    clock.advance(5_000);
    await Promise.all([ask(connected), ask(connected), ask(connected)]);
    expect(new Set(authorizations())).toEqual(new Set(['Bearer t1', 'Bearer t2']));
    api.lets = () => false;
    for (let n = 0; n < 5; n++) expect((await failure(ask(connected))).code).toBe('API_UNAUTHORIZED');
    expect(authorizations()).not.toContain('Bearer t3');
    clock.advance(5_000);
    await failure(ask(connected));
    expect(authorizations().at(-1)).toBe('Bearer t3');
  });

  test('that wants to ask somebody is refused where nobody is, and says so', async () => {
    const exec = { ...plugin('{"token": "t"}'), interactiveMode: 'Always' };
    const error = await failure(ask(await connect(written(user(exec)))));
    expect(error).toMatchObject({
      code: 'API_CREDENTIALS',
      message:
        'the credential plugin ./bin/plugin wants to ask somebody (interactiveMode: Always), and nobody is there',
    });
    expect(await seenOf(user(exec), {}, { isInteractive: true })).toMatchObject({ authorization: 'Bearer t' });
  });

  test.each([
    ['fails', '{}', 'echo "no\nluck" >&2; exit 3', 'ended with 3: no\\u000aluck'],
    ['prints no JSON', '{} hidden', '', 'printed no JSON'],
    ['prints something else', '"hidden"', '', 'printed no ExecCredential with a status'],
    ['prints nothing to show', '{}', '', 'printed neither token nor certificate'],
    [
      'prints half a pair',
      '{"clientCertificateData": "x"}',
      '',
      'printed a client certificate without a key, or a key without a certificate',
    ],
  ])('that %s is told without what it printed', async (_, status, script, said) => {
    const error = await failure(ask(await connect(written(user(plugin(status, script))))));
    expect(error).toMatchObject({ code: 'API_CREDENTIALS', message: `the credential plugin ./bin/plugin ${said}` });
    expect(error.message).not.toContain('hidden');
    expect(api.seen).toEqual([]);
  });

  test('that is not there is told with its hint', async () => {
    const exec = { ...plugin('{}'), command: 'sallyport-no-such-plugin', installHint: 'install it' };
    expect((await failure(ask(await connect(written(user(exec)))))).message).toBe(
      'the credential plugin sallyport-no-such-plugin cannot be run: ENOENT; install it',
    );
  });

  test('that hangs does not hold a request beyond its deadline, and ends with the client', async () => {
    const connected = await connect(written(user(plugin('{}', `echo $$ > '${folder}/pid'; exec sleep 60`))));
    const error = await failure(connected.client.call({ method: 'GET', path: '/api', deadlineMs: 200 }, never));
    expect(error).toMatchObject({ code: 'API_UNREACHABLE' });
    await expect.poll(() => existsSync(join(folder, 'pid'))).toBe(true);
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
    await connected.client.close();
    await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false);
  });
});

describe('the server', () => {
  test('has to have the name that tls-server-name says', async () => {
    expect((await seenOf({ token: 't' }, { 'tls-server-name': 'api.example' })).serverName).toBe('api.example');
    const error = await failure(ask(await connect(written({ token: 't' }, { 'tls-server-name': 'other.example' }))));
    expect(error.message).toMatch(/ERR_TLS_CERT_ALTNAME_INVALID/);
  });

  test('may be anybody only if the kubeconfig says so, which is said loudly', async () => {
    const nobodyKnown = { 'certificate-authority-data': null };
    const error = await failure(ask(await connect(written({ token: 't' }, nobodyKnown))));
    expect(error).toMatchObject({ code: 'API_UNREACHABLE' });
    expect(warnings).toEqual([]);
    await seenOf({ token: 't' }, { ...nobodyKnown, 'insecure-skip-tls-verify': true });
    expect(warnings).toEqual([expect.stringMatching(/^INSECURE: /)]);
  });

  test('has its authority in a file from the folder of the kubeconfig; data stands before it', async () => {
    writeFileSync(join(folder, 'ca.crt'), authority.certificate);
    await seenOf({ token: 't' }, { 'certificate-authority-data': null, 'certificate-authority': 'ca.crt' });
    await seenOf({ token: 't' }, { 'certificate-authority': 'none.crt' });
    writeFileSync(join(folder, 'ca.crt'), 'nothing');
    const broken = written({ token: 't' }, { 'certificate-authority-data': null, 'certificate-authority': 'ca.crt' });
    expect((await failure(ask(await connect(broken)))).message).toBe('the certificate authority is no PEM certificate');
  });

  test('may have a path in front', async () => {
    const { client } = await connect(written({ token: 't' }, { server: `${api.url}/k8s/clusters/c-1/` }));
    const { chunks } = await client.open({ method: 'GET', path: '/api' }, never);
    for await (const _ of chunks);
    expect(api.seen.at(-1)?.authorization).toBe('Bearer t');
  });

  test('without TLS is told nothing of who asks', async () => {
    await using plain = await SmallApi.start(() => [200, { in: true }]);
    const path = written({ token: 't' }, { server: plain.url, 'certificate-authority-data': null });
    expect(await ask(await connect(path))).toEqual({ in: true });
    expect(plain.asked[0]?.authorization).toBeUndefined();
    expect(warnings).toEqual([expect.stringMatching(/without TLS/)]);
  });

  test('is reached through the proxy of proxy-url, and its certificate still counts', async () => {
    const proxy = await ForwardProxy.start();
    try {
      const user = pairOf(alice);
      const through = { 'proxy-url': `http://me:s%20ecret@127.0.0.1:${proxy.port}` };
      expect((await seenOf(user, { ...through, 'tls-server-name': 'api.example' })).commonName).toBe('alice');
      expect(proxy.tunnels).toEqual([{ to: `127.0.0.1:${api.port}`, authorization: `Basic ${base64('me:s ecret')}` }]);
      const foreign = { ...through, 'certificate-authority-data': base64(clients.certificate) };
      expect((await failure(ask(await connect(written(user, foreign))))).message).toMatch(/is not from an authority/);
      proxy.refuses = 407;
      const error = await failure(ask(await connect(written(user, through))));
      expect(error).toMatchObject({ code: 'API_UNREACHABLE', message: expect.stringMatching(/407/) as string });
      expect(error.message).not.toContain('ecret');
    } finally {
      await proxy.stop();
    }
  });
});

describe('which file and context', () => {
  test('the namespace and the title come from the context', async () => {
    const { client, namespace } = await connect(written({ token: 't' }));
    expect(namespace).toBe('shop');
    expect(client.title).toBe(`${api.url} (context here)`);
  });

  test('a context by its name; without a file, the one in the home folder', async () => {
    mkdirSync(join(folder, '.kube'));
    copyFileSync(written({ token: 't' }), join(folder, '.kube/config'));
    await ask(await connect(undefined));
    await ask(await connect('~/.kube/config', { context: 'here' }));
    expect(await failure(connect(undefined, { context: 'hree' }))).toMatchObject({
      code: 'KUBECONFIG_INVALID',
      message: `kubeconfig ${folder}/.kube/config: has no context "hree"; did you mean "here"?`,
    });
  });

  test('several files are one; the first that has a name counts, and files that are not there do not', async () => {
    const first = written({ token: 'first' }, {}, 'first');
    writeFileSync(
      join(folder, 'second'),
      stringify({
        'current-context': 'there',
        users: [
          { name: 'u', user: { token: 'second' } },
          { name: 'v', user: { token: 'third' } },
        ],
        contexts: [{ name: 'there', context: { cluster: 'c', user: 'v' } }],
      }),
    );
    const environment = { KUBECONFIG: ['', join(folder, 'none'), first, join(folder, 'second')].join(':') };
    await ask(await connect(undefined, { environment }));
    await ask(await connect(undefined, { environment, context: 'there' }));
    expect(api.seen.map(({ authorization }) => authorization)).toEqual(['Bearer first', 'Bearer third']);
  });

  test.each([
    [{ token: 'x', username: 'y' }, {}, 'its user has token and username and password; one of them only can be shown'],
    [
      { 'client-certificate-data': 'x' },
      {},
      'has a client certificate without its key, or a key without its certificate',
    ],
    [{ 'as-groups': ['a'] }, {}, 'as-uid, as-groups and as-user-extra need `as`'],
    [
      {},
      { 'insecure-skip-tls-verify': true },
      'has both a certificate authority and insecure-skip-tls-verify; remove one of them',
    ],
    [{}, { 'proxy-url': 'socks5://127.0.0.1:1' }, 'proxy-url is no http: or https: address'],
    [{}, { server: 'ftp://x' }, 'server is no http: or https: address'],
    [{}, { server: 'https://a:b@x' }, 'server holds a user; it belongs into users'],
  ])('what contradicts itself is refused: %j %j', async (user, cluster, said) => {
    const path = written(user, cluster);
    expect((await failure(connect(path))).message).toBe(`kubeconfig ${path} (context here): ${said}`);
  });

  test('no file at all', async () => {
    expect((await failure(connect(join(folder, 'none')))).message).toBe(
      `kubeconfig ${folder}/none: there is no such file`,
    );
  });
});
