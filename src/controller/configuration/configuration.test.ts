import { describe, expect, test } from 'vitest';
import { parseConfiguration, type Surroundings } from './configuration.ts';

const around: Surroundings = {
  readFile: (path) => {
    if (path === '/etc/sallyport/cluster') return 'prod-eu\n';
    throw new Error(`no ${path}`);
  },
  environment: { FOLDER: './from-environment' },
};
const parse = (text: string) => parseConfiguration(text, '/etc/sallyport/config.yaml', around);
const complaints = (text: string): readonly string[] =>
  parse(text).diagnostics.map((d) => `${d.at?.line}:${d.at?.column} ${d.code} ${d.path}: ${d.message}`);

describe('configuration', () => {
  test('reads a whole file; paths count from the folder of the file', () => {
    const text = `
name: edge-1
cluster: { file: ./cluster }
sources:
  static: { manifests: ./shop }
  other: { manifests: { env: FOLDER } }
controllers: { border: { source: static } }
server: { probes: "[::1]:8080" }
`;
    const { value, diagnostics } = parse(text);
    expect(diagnostics.map(({ severity, code, path }) => `${severity} ${code} ${path}`)).toEqual([
      'warning CONFIG_SOURCE_UNUSED sources.other',
    ]);
    expect({ value }).toEqual({
      value: {
        name: 'edge-1',
        cluster: 'prod-eu',
        sources: new Map([
          ['static', { type: 'manifests', path: '/etc/sallyport/shop' }],
          ['other', { type: 'manifests', path: '/etc/sallyport/from-environment' }],
        ]),
        border: { source: 'static' },
        probes: { host: '::1', port: 8080 },
        queries: undefined,
      },
    });
  });

  test('the room of audit trails is a whole number of mebibytes', () => {
    const text = (audit: string): string =>
      `sources: { one: {} }\ncontrollers: { border: { source: one } }\naudit: ${audit}\n`;
    expect(parse(text('{ mebibytes: 192 }')).value?.auditBytes).toBe(192 * 1_048_576);
    expect(parse('sources: { one: {} }\ncontrollers: { border: { source: one } }\n').value?.auditBytes).toBeUndefined();
    for (const wrong of [
      '{ mebibytes: 1 }',
      '{ mebibytes: 1.5 }',
      '{ mebibytes: much }',
      '{ mebibytes: 9, bytes: 9 }',
      '{}',
    ])
      expect(complaints(text(wrong)), wrong).toHaveLength(1);
  });

  test('a part that cannot be read hides no mistake beside it', () => {
    const text = `
name: [a]
cluster: a/b
sources:
  one: { manifests: ./a, context: c }
  two: { manifests: { env: NOWHERE } }
controllers: { border: { source: three } }
server: { probes: "8080" }
audit: { mebibytes: much }
feeds: { listen: here }
`;
    expect(parse(text).value).toBeUndefined();
    expect(parse(text).diagnostics.map(({ code, path }) => `${code} ${path}`)).toEqual([
      'CONFIG_VALUE name',
      'CONFIG_VALUE cluster',
      'CONFIG_VALUE sources.one',
      'CONFIG_SECRET sources.two.manifests',
      'CONFIG_SOURCE controllers.border.source',
      'CONFIG_VALUE server.probes',
      'CONFIG_VALUE audit.mebibytes',
      'CONFIG_VALUE feeds.tls',
      'CONFIG_VALUE feeds.consumers',
      'CONFIG_VALUE feeds.listen',
    ]);
  });

  test('all mistakes of lists at once: an unknown key hides none, and each place names its own keys', () => {
    const text = `
cluster: prod
sources: { static: { manifests: ./shop } }
controllers: { border: { source: statik } }
feeds:
  listen: 0.0.0.0:8443
  tls: { cert: { file: ./feeds.crt }, key: { file: ./cluster } }
  consumers:
    - { name: panos, firewall: edge, colour: red, auth: { bearer: { file: ./token } } }
    - { name: panos, firewall: edge, auth: { basik: { username: a, password: b } } }
    - { name: none, firewall: edge, auth: { bearer: "" } }
`;
    expect(complaints(text)).toEqual([
      '4:34 CONFIG_SOURCE controllers.border.source: there is no source "statik"; did you mean "static"?',
      '7:16 CONFIG_SECRET feeds.tls.cert: the file ./feeds.crt cannot be read',
      '9:46 CONFIG_UNKNOWN_KEY feeds.consumers.0.colour: "colour" is not a key that this version knows; known here: name, firewall, auth',
      '9:67 CONFIG_SECRET feeds.consumers.0.auth.bearer: the file ./token cannot be read',
      '10:15 CONFIG_VALUE feeds.consumers.1.name: there is another consumer "panos"',
      '10:44 CONFIG_VALUE feeds.consumers.1.auth: takes exactly one of basic, bearer and certificate',
      '10:53 CONFIG_UNKNOWN_KEY feeds.consumers.1.auth.basik: "basik" is not a key that this version knows; did you mean "basic"?',
      '11:53 CONFIG_VALUE feeds.consumers.2.auth.bearer: is empty, which opens nothing',
    ]);
  });

  test('mistakes of lists are told beside whatever else is missing', () => {
    expect(
      complaints(
        'feeds: { listen: "0.0.0.0:8443", tls: { cert: { file: a }, key: { file: ./cluster } }, consumers: [] }\n',
      ),
    ).toEqual([
      '1:1 CONFIG_VALUE sources: is missing; it takes a mapping (`name: …` lines)',
      '1:1 CONFIG_VALUE controllers: is missing; it takes a mapping (`key: value` lines)',
      '1:47 CONFIG_SECRET feeds.tls.cert: the file a cannot be read',
    ]);
  });

  test('what lets somebody in has no place in an address', () => {
    const text = `
sources: { metal: { url: "https://root:hunter2@api.example.org/metal", hmac: { file: ./cluster } } }
controllers: { firewall: { source: metal } }
machine: { accounting: { url: "https://root:hunter2@figures.example.org", key: ./key } }
`;
    expect(complaints(text)).toEqual([
      '2:26 CONFIG_SECRET_LITERAL sources.metal.url: what stands before the "@" is not sent; remove it',
      '4:31 CONFIG_VALUE machine.accounting.url: takes no user and password: records are signed; remove what stands before the "@"',
    ]);
  });

  test('conditions of pods are written where there are pods, as an account of its own where one is named', () => {
    const text = (source: string, readiness: string): string =>
      `sources: { one: ${source} }\ncontrollers: { border: { source: one }, readiness: ${readiness} }\n`;
    expect(parse(text('{}', '{}')).value?.gate).toEqual({ account: undefined });
    expect(parse(text('{}', '{ account: ./own }')).value?.gate).toEqual({ account: '/etc/sallyport/own' });
    expect(complaints(text('{ manifests: . }', '{}'))).toEqual([
      '2:52 CONFIG_VALUE controllers.readiness: there are no pods to write to: the source of controllers.border is no cluster; remove it',
    ]);
  });

  test('a firewall machine answers queries to itself alone', () => {
    const listen = (at: string): readonly string[] =>
      complaints(
        `sources: { shoot: { kubeconfig: ./k } }\ncontrollers: { firewall: { source: shoot } }\nserver: { queries: { listen: "${at}" } }\n`,
      );
    expect(listen('127.0.0.1:9000')).toEqual([]);
    expect(listen('0.0.0.0:9000')).toEqual([
      '3:30 CONFIG_VALUE server.queries.listen: a firewall machine answers these to itself alone, so they are not served; listen on 127.0.0.1',
    ]);
  });

  test('queries are for this machine, or behind TLS and a cluster', () => {
    const server = (queries: string): string =>
      `sources: { static: { manifests: . } }\ncontrollers: { border: { source: static } }\nserver: { queries: ${queries} }\n`;
    const tls = 'tls: { cert: { file: tls.crt }, key: { file: /run/tls.key } }';
    expect(parse(server(`{ listen: "127.0.0.1:9000", ${tls} }`)).value?.queries).toEqual({
      host: '127.0.0.1',
      port: 9000,
      tls: { cert: '/etc/sallyport/tls.crt', key: '/run/tls.key' },
    });
    expect(parse(server('{ listen: "[::1]:9000" }')).value?.queries).toEqual({
      host: '::1',
      port: 9000,
      tls: undefined,
    });
    expect(complaints(server('{ listen: "0.0.0.0:9000" }'))).toMatchInlineSnapshot(`
      [
        "3:30 CONFIG_VALUE server.queries.listen: others than this machine reach 0.0.0.0: give tls: {cert: {file: PATH}, key: {file: PATH}}, or listen on 127.0.0.1",
        "3:30 CONFIG_VALUE server.queries.listen: others than this machine reach 0.0.0.0, and no source is a cluster that could say who may ask; listen on 127.0.0.1",
      ]
    `);
    expect(complaints(server('{ listen: "host:0", tls: { crt: x } }'))).toMatchInlineSnapshot(`
      [
        "3:45 CONFIG_VALUE server.queries.tls.cert: is missing; it takes a mapping (\`key: value\` lines)",
        "3:45 CONFIG_VALUE server.queries.tls.key: is missing; it takes a mapping (\`key: value\` lines)",
        "3:52 CONFIG_UNKNOWN_KEY server.queries.tls.crt: "crt" is not a key that this version knows; did you mean "cert"?",
      ]
    `);
  });

  test('says every mistake at once, each with its place and the correction', () => {
    const text = `clutser: x
sources:
  static: { manifest: ./shop }
  kube: { manifests: { env: NOT_SET } }
controllers:
  border: { source: statik }
server: { probes: 8080 }
`;
    expect(complaints(text)).toMatchInlineSnapshot(`
      [
        "1:10 CONFIG_UNKNOWN_KEY clutser: "clutser" is not a key that this version knows; did you mean "cluster"?",
        "3:23 CONFIG_UNKNOWN_KEY sources.static.manifest: "manifest" is not a key that this version knows; did you mean "manifests"?",
        "4:22 CONFIG_SECRET sources.kube.manifests: the environment variable NOT_SET is not set",
        "6:21 CONFIG_SOURCE controllers.border.source: there is no source "statik"; did you mean "static"?",
        "7:19 CONFIG_VALUE server.probes: takes a text",
      ]
    `);
  });

  test('a source can be a cluster: by kubeconfig, or the one around us', () => {
    const text = `
sources: { here: {}, prod: { kubeconfig: kube/config, context: eu } }
controllers: { border: { source: prod } }
`;
    expect(parse(text).value?.sources).toEqual(
      new Map([
        ['here', { type: 'kubernetes' }],
        ['prod', { type: 'kubernetes', kubeconfig: '/etc/sallyport/kube/config', context: 'eu' }],
      ]),
    );
    const wrong = `
sources: { both: { manifests: a, kubeconfig: b }, bare: { context: eu } }
controllers: { border: { source: both } }
`;
    expect(complaints(wrong)).toEqual([
      '2:18 CONFIG_VALUE sources.both: is a folder or a cluster; remove `manifests`, or `kubeconfig` and `context`',
      '2:68 CONFIG_VALUE sources.bare.context: is of a kubeconfig; name the file with `kubeconfig`',
    ]);
  });

  test('names kinds of values as people do', () => {
    expect(complaints('name: x')).toEqual([
      '1:1 CONFIG_VALUE sources: is missing; it takes a mapping (`name: …` lines)',
      '1:1 CONFIG_VALUE controllers: is missing; it takes a mapping (`key: value` lines)',
    ]);
  });

  test('a second pass finds what depends on other values', () => {
    const text = `
cluster: "bad name"
sources: { static: { manifests: { env: NOT_SET } } }
controllers: { border: { source: statik } }
server: { probes: "localhost:70000" }
`;
    expect(complaints(text)).toMatchInlineSnapshot(`
      [
        "2:10 CONFIG_VALUE cluster: takes 1 to 63 of A-Z a-z 0-9 . _ - and begins and ends with a letter or digit",
        "3:33 CONFIG_SECRET sources.static.manifests: the environment variable NOT_SET is not set",
        "4:34 CONFIG_SOURCE controllers.border.source: there is no source "statik"; did you mean "static"?",
        "5:19 CONFIG_VALUE server.probes: the port is 1 to 65535",
      ]
    `);
  });

  test.each([
    ['', 'CONFIG_SYNTAX'],
    ['a: [', 'CONFIG_SYNTAX'],
    ['a: 1\n---\nb: 2\n', 'CONFIG_SYNTAX'],
    ['- list\n', 'CONFIG_VALUE'],
    ['a: 1\na: 2\n', 'CONFIG_SYNTAX'],
  ])('refuses %j as a whole', (text, code) => {
    const { value, diagnostics } = parse(text);
    expect(value).toBeUndefined();
    expect(diagnostics.map((d) => d.code)).toContain(code);
  });
});
