import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { NO_FACTS } from '../../machine/kinds/facts.ts';
import { machineRuleset } from '../../machine/ruleset.ts';
import { tableText } from '../../machine/table-text.ts';
import { parseConfiguration } from '../configuration/configuration.ts';
import { assembleInput } from './input.ts';

/** The configuration files of the proposal, as they stand there. */
const folder = join(import.meta.dirname, 'proposal');
const around = { readFile: () => '', environment: {}, hostname: 'host-of-the-machine' };
const parse = (text: string) => parseConfiguration(text, '/etc/firewall-controller/config.yaml', around);
const read = (name: string) => parse(readFileSync(join(folder, name), 'utf8'));
const said = (text: string): readonly string[] =>
  parse(text).diagnostics.map((d) => `${d.severity} ${d.at?.line} ${d.code} ${d.path}: ${d.message}`);

describe.each(readdirSync(folder))('%s', (name) => {
  test('is valid as it stands', () => {
    const { value, diagnostics } = read(name);
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(value?.machine).toBeDefined();
  });

  test('comes to rules while no source and no facts can be reached', () => {
    const { value } = read(name);
    if (value?.machine === undefined) throw new Error('no machine');
    const { input } = assembleInput(value, value.machine, { objects: () => undefined, facts: NO_FACTS });
    expect(tableText(machineRuleset(input).ruleset)).toContain('type filter hook forward priority 1; policy drop;');
  });
});

describe('the configuration of a firewall machine', () => {
  test('says who has which source, and what is on', () => {
    expect(read('general.yaml').value).toMatchObject({
      name: 'best-firewall-ever',
      machine: {
        firewall: { source: 'seed', selfUpdate: { key: undefined }, droptailer: true },
        service: { source: 'shoot' },
        cwnp: { source: 'shoot', semantics: 'compatible' },
        monitor: { source: 'shoot' },
        facts: ['/etc/metal/install.yaml', '/etc/metal/machine-allocation.yaml'],
      },
    });
    expect(read('restricted.yaml').value?.machine).toEqual({
      firewall: { source: 'static', selfUpdate: undefined, droptailer: false },
      cwnp: { source: 'static', semantics: 'compatible' },
      service: undefined,
      monitor: undefined,
      facts: ['/etc/metal/install.yaml', '/etc/metal/machine-allocation.yaml'],
      rules: '/etc/nftables/firewall-controller.v4',
      base: '/etc/nftables/rules',
      memory: '/var/lib/sallyport/machine/sources.json',
      shootAccess: '/etc/firewall-controller/shoot-access.json',
      names: '/var/lib/sallyport/machine/fqdnstate.yaml',
      frr: '/etc/frr/frr.conf',
      announceDistance: false,
    });
  });

  test('the name is that of the host where none is given', () => {
    expect(read('userdata-contents.yaml').value?.name).toBe('host-of-the-machine');
  });

  test('secrets in place and texts that a template left are told, and do not print', () => {
    const { diagnostics } = read('cluster-api.yaml');
    expect(diagnostics.map(({ code, path }) => `${code} ${path}`)).toEqual([
      'CONFIG_SECRET_LITERAL sources.metal.hmac',
      'CONFIG_PLACEHOLDER name',
      'CONFIG_PLACEHOLDER sources.metal.url',
      'CONFIG_PLACEHOLDER sources.metal.hmac',
      'CONFIG_PLACEHOLDER sources.metal.type',
      'CONFIG_PLACEHOLDER sources.metal.projectID',
    ]);
    expect(JSON.stringify(read('plain.yaml').diagnostics)).not.toContain('some-hmac');
  });

  test('says every mistake at once, each with its line and the correction', () => {
    expect(
      said(`name: x
sources:
  seed: { kubeconfig: /a, url: https://b }
  metal: { url: metal-api, hmak: x }
  static: { firewall: { rateLimit: [] }, cwnp: { egres: [] } }
controllers:
  firewal: { source: seed }
  monitor: { source: static }
`),
    ).toMatchInlineSnapshot(`
      [
        "error 3 CONFIG_VALUE sources.seed.url: does not belong to a cluster; make it a source of its own, with another name",
        "error 4 CONFIG_VALUE sources.metal.hmac: is missing; it takes a text, {file: PATH} or {env: NAME}",
        "error 4 CONFIG_VALUE sources.metal.url: takes the address of the metal-api, e.g. https://api.example.org/metal",
        "error 4 CONFIG_UNKNOWN_KEY sources.metal.hmak: "hmak" is not a key that this version knows; did you mean "hmac"?",
        "error 5 CONFIG_UNKNOWN_KEY sources.static.firewall.rateLimit: "rateLimit" is not a key that this version knows; did you mean "rateLimits"?",
        "error 5 CONFIG_UNKNOWN_KEY sources.static.cwnp.egres: "egres" is not a key that this version knows; did you mean "egress"?",
        "error 7 CONFIG_UNKNOWN_KEY controllers.firewal: "firewal" is not a key that this version knows; did you mean "firewall"?",
        "error 8 CONFIG_VALUE controllers.monitor: is part of a firewall machine; add \`controllers.firewall\`",
        "error 8 CONFIG_SOURCE controllers.monitor.source: source "static" is the configuration file itself; this controller uses a cluster",
      ]
    `);
    expect(
      said(`sources:
  seed: { kubeconfig: /a, url: https://b }
  metal: { url: metal-api }
  static: {}
controllers:
  firewall: { source: sead }
  cwnp: { source: static }
  monitor: { source: static }
  service: { source: metal }
  border: { source: static }
`),
    ).toMatchInlineSnapshot(`
      [
        "error 2 CONFIG_VALUE sources.seed.url: does not belong to a cluster; make it a source of its own, with another name",
        "error 3 CONFIG_VALUE sources.metal.hmac: is missing; it takes a text, {file: PATH} or {env: NAME}",
        "error 3 CONFIG_VALUE sources.metal.url: takes the address of the metal-api, e.g. https://api.example.org/metal",
        "error 6 CONFIG_SOURCE controllers.firewall.source: there is no source "sead"; did you mean "seed"?",
        "error 8 CONFIG_SOURCE controllers.monitor.source: source "static" is the configuration file itself; this controller uses a cluster",
        "warning 9 CONFIG_SOURCE controllers.service.source: the metal-api holds no Services, so none is opened; name another source",
        "error 10 CONFIG_VALUE controllers.border: and \`firewall\` are two controllers; run one process for each",
        "error 10 CONFIG_SOURCE controllers.border.source: source "static" is the configuration file itself; this controller uses a folder of manifests or a cluster",
      ]
    `);
    expect(said('sources: { static: {} }\ncontrollers: { cwnp: { source: static } }\n')).toMatchInlineSnapshot(`
      [
        "error 2 CONFIG_VALUE controllers.cwnp: is part of a firewall machine; add \`controllers.firewall\`",
      ]
    `);
  });

  test('`{}` is nothing where it is called static, and else the cluster around us', () => {
    const text = (name: string): string => `sources: { ${name}: {} }\ncontrollers: { firewall: { source: ${name} } }\n`;
    expect(parse(text('static')).value?.sources.get('static')?.type).toBe('static');
    expect(parse(text('here')).value?.sources.get('here')?.type).toBe('kubernetes');
  });

  test('each machine has its own namespaces', () => {
    const { value } = parse(`sources:
  tools: { kubeconfig: /tools.yaml, namespace: shop-firewall }
  static: {}
controllers:
  firewall: { source: static }
  cwnp: { source: tools }
`);
    if (value?.machine === undefined) throw new Error('no machine');
    const { input, unknown } = assembleInput(value, value.machine, { objects: () => undefined, facts: NO_FACTS });
    expect([input.namespace, unknown]).toEqual(['shop-firewall', ['tools']]);
  });
});
