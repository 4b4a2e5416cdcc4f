import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { closest } from '../../base/closest.ts';
import { withoutPassword } from '../../base/without-password.ts';
import type { Semantics } from '../../machine/rules/policy-rules.ts';
import { text } from './feeds-configuration.ts';
import type { SourceType } from './source-configuration.ts';
import type { ConfigurationReading, SourcePlace } from './source-places.ts';

const source = z.string().describe('the name of its source');
const selfUpdate = z.strictObject({
  enabled: z.boolean().describe('whether it is on'),
  key: text
    .optional()
    .describe(
      'the path of an Ed25519 public key as PEM: nothing is replaced that it did not sign; absent: the checksum alone counts',
    ),
});
const enabled = z.strictObject({ enabled: z.boolean().describe('whether it is on') });

/** The controllers of a firewall machine, each with its own source. */
export const machineControllers = {
  firewall: z
    .strictObject({
      source,
      selfUpdate: selfUpdate
        .optional()
        .describe('replaces this program, and the nftables-exporter, by those that the Firewall names; absent: off'),
      droptailer: enabled.optional().describe('ships what was dropped; absent: off'),
    })
    .optional()
    .describe("keeps a firewall machine's own rules: metal-stack's firewall-controller; absent: off"),
  service: z.strictObject({ source }).optional().describe('opens Services of type LoadBalancer; absent: off'),
  cwnp: z
    .strictObject({
      source,
      semantics: z
        .enum(['compatible', 'strict'])
        .optional()
        .describe(
          'what entries without ports or without destinations open: nothing, as ever (`compatible`, the default), or everything, as the API text says (`strict`)',
        ),
    })
    .optional()
    .describe('opens what ClusterwideNetworkPolicies say; absent: off'),
  monitor: z.strictObject({ source }).optional().describe('reports into the FirewallMonitor; absent: off'),
};

const accounting = z
  .strictObject({
    file: text.optional().describe('a file that gets a line for each record; this or `url`'),
    url: text.optional().describe('where each record is sent by POST; this or `file`'),
    key: text.describe('the path of an Ed25519 key as PEM, which signs each record'),
  })
  .describe('where figures go, signed, that users of the cluster cannot edit; absent: nowhere');

export const machineSchema = z.strictObject({
  facts: text
    .optional()
    .describe(
      'what the installation says of this machine; absent: /etc/metal/install.yaml, else /etc/metal/machine-allocation.yaml',
    ),
  rules: text
    .optional()
    .describe(
      'where rules are written, unless the Firewall names a file; absent: /etc/nftables/firewall-controller.v4',
    ),
  names: text
    .optional()
    .describe('where it is kept what names resolve to; absent: /var/lib/sallyport/machine/fqdnstate.yaml'),
  base: text
    .optional()
    .describe('the base rules, whose forward policy is opened once ours are in force; absent: /etc/nftables/rules'),
  memory: text
    .optional()
    .describe(
      'what sources said last, for restarts while one of them is away; absent: /var/lib/sallyport/machine/sources.json',
    ),
  shootAccess: text
    .optional()
    .describe(
      'the kubeconfig that is kept as the Firewall says (`status.shootAccess`), its token beside it; absent: /etc/firewall-controller/shoot-access.json',
    ),
  frr: text.optional().describe('the configuration of FRR; absent: /etc/frr/frr.conf'),
  announceDistance: z
    .boolean()
    .optional()
    .describe(
      'whether the way through this machine is announced as longer by the `distance` of its Firewall; absent: no, as ever',
    ),
  accounting: accounting.optional(),
});

/** What a firewall machine runs. Sources are names; each is there, and of a type that its controller can use. */
export interface MachineConfiguration {
  readonly firewall: {
    readonly source: string;
    /** `key`: absolute path; absent: off. */
    readonly selfUpdate: { readonly key: string | undefined } | undefined;
    readonly droptailer: boolean;
  };
  readonly service: { readonly source: string } | undefined;
  readonly cwnp: { readonly source: string; readonly semantics: Semantics } | undefined;
  readonly monitor: { readonly source: string } | undefined;
  /** Absolute paths, of which the first counts that is there. */
  readonly facts: readonly string[];
  /** Absolute paths. */
  readonly rules: string;
  readonly base: string;
  readonly memory: string;
  readonly shootAccess: string;
  readonly accounting: { readonly place: AccountingPlace; readonly key: string } | undefined;
  readonly frr: string;
  readonly announceDistance: boolean;
  /** What names resolved to, for the next start. */
  readonly names: string;
}

/** Where signed figures go. */
export type AccountingPlace =
  | { readonly kind: 'file'; readonly path: string }
  /** Gets each record by POST. */
  | { readonly kind: 'http'; readonly url: string };

/** Newer images have the second one alone (metal-stack reference, 1.1). */
const DEFAULT_FACTS = ['/etc/metal/install.yaml', '/etc/metal/machine-allocation.yaml'];
const DEFAULT_RULES = '/etc/nftables/firewall-controller.v4';
const DEFAULT_NAMES = '/var/lib/sallyport/machine/fqdnstate.yaml';
const DEFAULT_BASE = '/etc/nftables/rules';
const DEFAULT_MEMORY = '/var/lib/sallyport/machine/sources.json';
const DEFAULT_FRR = '/etc/frr/frr.conf';
const DEFAULT_SHOOT_ACCESS = '/etc/firewall-controller/shoot-access.json';

/** Files of a machine that the configuration may put elsewhere. */
type PathKey = 'facts' | 'rules' | 'base' | 'names' | 'memory' | 'shootAccess' | 'frr';

type ControllerName = 'border' | 'firewall' | 'service' | 'cwnp' | 'monitor';

/** Which types of sources each controller can use. */
const USABLE: Readonly<Record<ControllerName, readonly SourceType[]>> = {
  border: ['manifests', 'kubernetes'],
  firewall: ['manifests', 'kubernetes', 'metal', 'static'],
  // The metal-api holds no Services; the proposal lists it all the same, so it is taken as "none".
  service: ['manifests', 'kubernetes', 'metal', 'static'],
  cwnp: ['manifests', 'kubernetes', 'metal', 'static'],
  monitor: ['kubernetes'],
};

const WORDS: Readonly<Record<SourceType, string>> = {
  manifests: 'a folder of manifests',
  kubernetes: 'a cluster',
  metal: 'the metal-api',
  static: 'the configuration file itself',
};

/** The source that a controller names is there, and of a type that it can use. */
export function checkSource(
  controller: ControllerName,
  name: string | undefined,
  sources: ReadonlyMap<string, SourcePlace>,
  say: ConfigurationReading['say'],
): void {
  if (name === undefined) return;
  const path = ['controllers', controller, 'source'];
  const source = sources.get(name);
  if (source === undefined) {
    const near = closest(name, sources.keys());
    const known = [...sources.keys()].sort().join(', ') || 'none';
    const hint = near === undefined ? `sources here: ${known}` : `did you mean "${near}"?`;
    say('error', 'CONFIG_SOURCE', path, `there is no source "${name}"; ${hint}`);
  } else if (!USABLE[controller].includes(source.type)) {
    const usable = USABLE[controller].map((type) => WORDS[type]).join(' or ');
    say('error', 'CONFIG_SOURCE', path, `source "${name}" is ${WORDS[source.type]}; this controller uses ${usable}`);
  } else if (controller === 'service' && source.type === 'metal')
    say('warning', 'CONFIG_SOURCE', path, 'the metal-api holds no Services, so none is opened; name another source');
}

/** A cluster that is reached as a Firewall says needs the source that this Firewall is read from. */
export function checkShootAccess(
  sources: ReadonlyMap<string, SourcePlace>,
  firewall: string | undefined,
  say: ConfigurationReading['say'],
): void {
  for (const [name, place] of sources) {
    if (place.type !== 'kubernetes' || place.shootAccess === undefined) continue;
    if (place.shootAccess === firewall && name !== firewall && sources.get(firewall)?.type === 'kubernetes') continue;
    const path = ['sources', name, 'shootAccess'];
    say('error', 'CONFIG_SOURCE', path, 'takes the name of the cluster that `controllers.firewall.source` names');
  }
}

/** Reads what a firewall machine runs. */
export function readMachine(
  controllers: {
    readonly border?: unknown;
    readonly firewall?: z.infer<typeof machineControllers.firewall>;
    readonly service?: z.infer<typeof machineControllers.service>;
    readonly cwnp?: z.infer<typeof machineControllers.cwnp>;
    readonly monitor?: z.infer<typeof machineControllers.monitor>;
  },
  machine: z.infer<typeof machineSchema> | undefined,
  { file, resolveText, say }: ConfigurationReading,
): MachineConfiguration | undefined {
  const { border, firewall, service, cwnp, monitor } = controllers;
  if (firewall === undefined) {
    for (const [key, given] of Object.entries({ service, cwnp, monitor }))
      if (given !== undefined)
        say('error', 'CONFIG_VALUE', ['controllers', key], 'is part of a firewall machine; add `controllers.firewall`');
    return undefined;
  }
  if (border !== undefined)
    say(
      'error',
      'CONFIG_VALUE',
      ['controllers', 'border'],
      'and `firewall` are two controllers; run one process for each',
    );
  const path = (key: PathKey, absent: string): string => {
    const given = machine?.[key];
    return resolve(dirname(file), given === undefined ? absent : resolveText(given, ['machine', key]));
  };
  return {
    accounting: readAccounting(machine?.accounting, { file, resolveText, say }),
    firewall: {
      source: firewall.source,
      selfUpdate: readSelfUpdate(firewall.selfUpdate, { file, resolveText }),
      droptailer: firewall.droptailer?.enabled ?? false,
    },
    service,
    cwnp: cwnp && { source: cwnp.source, semantics: cwnp.semantics ?? 'compatible' },
    monitor,
    facts: machine?.facts === undefined ? DEFAULT_FACTS : [path('facts', '')],
    rules: path('rules', DEFAULT_RULES),
    base: path('base', DEFAULT_BASE),
    memory: path('memory', DEFAULT_MEMORY),
    shootAccess: path('shootAccess', DEFAULT_SHOOT_ACCESS),
    names: path('names', DEFAULT_NAMES),
    frr: path('frr', DEFAULT_FRR),
    announceDistance: machine?.announceDistance ?? false,
  };
}

function readSelfUpdate(
  given: z.infer<typeof selfUpdate> | undefined,
  { file, resolveText }: Pick<ConfigurationReading, 'file' | 'resolveText'>,
): MachineConfiguration['firewall']['selfUpdate'] {
  if (given?.enabled !== true) return undefined;
  if (given.key === undefined) return { key: undefined };
  const key = resolveText(given.key, ['controllers', 'firewall', 'selfUpdate', 'key']);
  return { key: resolve(dirname(file), key) };
}

function readAccounting(
  given: z.infer<typeof accounting> | undefined,
  { file, resolveText, say }: Pick<ConfigurationReading, 'file' | 'resolveText' | 'say'>,
): MachineConfiguration['accounting'] {
  if (given === undefined) return undefined;
  const here = ['machine', 'accounting'];
  const key = resolve(dirname(file), resolveText(given.key, [...here, 'key']));
  if ((given.file === undefined) === (given.url === undefined)) {
    say('error', 'CONFIG_VALUE', here, 'takes a file or a url, and one of them');
    return undefined;
  }
  if (given.file !== undefined)
    return { place: { kind: 'file', path: resolve(dirname(file), resolveText(given.file, [...here, 'file'])) }, key };
  const url = resolveText(given.url ?? '', [...here, 'url']);
  if (!/^https?:\/\/[^/]/.test(url))
    say('error', 'CONFIG_VALUE', [...here, 'url'], 'is no address; it begins with https://');
  else if (withoutPassword(url) !== url)
    say(
      'error',
      'CONFIG_VALUE',
      [...here, 'url'],
      'takes no user and password: records are signed; remove what stands before the "@"',
    );
  return { place: { kind: 'http', url }, key };
}
