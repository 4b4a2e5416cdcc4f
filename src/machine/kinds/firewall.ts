import { z } from 'zod';
import { looseCidr, optionalText } from '../../api/fields.ts';
import { refuse } from '../../api/mistake.ts';
import { isMap, show } from '../../api/shape.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { type Address, parseAddress } from '../../ip/address.ts';
import type { Prefix } from '../../ip/prefix.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { scopeOf, type Subject } from '../subject.ts';
import { readWanted, type Wanted } from './artefact.ts';
import { type Network, readNetworks } from './network.ts';
import { duration, port, readEntries } from './values.ts';

/** A network's limit for what comes in from it. */
export interface RateLimit {
  readonly networkId: string;
  /** MiB a second. */
  readonly rate: number;
  readonly index: number;
}

/** The addresses that traffic into a network leaves with. Texts as written: each is judged by itself. */
export interface EgressRule {
  readonly networkId: string;
  readonly addresses: readonly string[];
  readonly index: number;
}

/** What nets policies may name; a side that is not given allows nothing, if the other one is. */
export interface AllowedNetworks {
  readonly ingress: PrefixSet;
  readonly egress: PrefixSet;
}

/** The part of a Firewall (firewall.metal-stack.io/v2) that its machine acts on. Whatever cannot be read is left out alone. */
export interface FirewallSpec {
  readonly subject: Subject;
  readonly rateLimits: readonly RateLimit[];
  readonly internalPrefixes: readonly Prefix[];
  readonly egressRules: readonly EgressRule[];
  readonly logAcceptedConnections: boolean;
  /** The upstream resolver of the DNS proxy. */
  readonly dnsServerAddress: Address | undefined;
  /** Where the DNS proxy listens, and where it asks; absent: 53. */
  readonly dnsPort: number | undefined;
  /** Absent: no restriction. */
  readonly allowedNetworks: AllowedNetworks | undefined;
  /** Who comes in by SSH; empty: not said. */
  readonly sshKeys: readonly string[];
  /** Which controller, and which nftables-exporter, the machine is to run; absent: whatever it has. */
  readonly controller: Wanted | undefined;
  readonly nftablesExporter: Wanted | undefined;
  /** Absolute path; absent: the default. */
  readonly ruleFile: string | undefined;
  /** How often the machine reports, in milliseconds; absent: as ever. */
  readonly intervalMs: number | undefined;
  /** Render and check, and change nothing. */
  readonly dryRun: boolean;
  /** Of the status, or of the configuration file; empty: what the machine's own files say counts. */
  readonly networks: readonly Network[];
}

/** Reads `spec` (and, for objects, `status`) of a Firewall, or `sources.NAME.firewall` of the configuration file, where networks stand beside. */
export function readFirewallSpec(
  raw: unknown,
  networks: { readonly raw: unknown; readonly path: readonly (string | number)[] },
  subject: Subject,
  diagnostics: Diagnostic[],
): FirewallSpec {
  const whole = scopeOf(subject, diagnostics);
  const spec = isMap(raw) ? raw : {};
  if (raw !== undefined && raw !== null && !isMap(raw))
    whole.otherwise('It counts as empty.').mistake('FIELD_INVALID', `this is ${show(raw)} and has to be a map`);
  const flag = (name: string, whenUnread: boolean): boolean => {
    const written = spec[name] ?? false;
    if (typeof written === 'boolean') return written;
    whole
      .otherwise(`It counts as ${String(whenUnread)}.`)
      .mistake('FIELD_INVALID', `this is ${show(written)} and has to be true or false`, name);
    return whenUnread;
  };
  const entries = <S extends z.ZodType>(schema: S, name: string) =>
    readEntries(schema, spec[name], whole.at(name).otherwise('This entry is left out.'));
  return {
    subject,
    rateLimits: entries(rateLimit, 'rateLimits').map(({ value, index }) => ({
      networkId: value.networkID,
      rate: value.rate,
      index,
    })),
    internalPrefixes: entries(looseCidr, 'internalPrefixes').map(({ value }) => value),
    egressRules: entries(egressRule, 'egressRules').map(({ value, index }) => ({
      networkId: value.networkID,
      addresses: value.ips,
      index,
    })),
    logAcceptedConnections: flag('logAcceptedConnections', false),
    dnsServerAddress: readAddress(spec['dnsServerAddress'], whole),
    dnsPort: readDnsPort(spec['dnsPort'], whole),
    allowedNetworks: readAllowed(spec['allowedNetworks'], subject, diagnostics),
    sshKeys: entries(sshKeys, 'sshPublicKeys').flatMap(({ value }) => value),
    controller: readWanted(spec, { version: 'controllerVersion', url: 'controllerURL' }, whole),
    nftablesExporter: readWanted(spec, { version: 'nftablesExporterVersion', url: 'nftablesExporterURL' }, whole),
    ruleFile: readRuleFile(spec['ipv4RuleFile'], whole),
    intervalMs: readInterval(spec['interval'], whole),
    dryRun: flag('dryRun', true),
    networks: readNetworks(networks.raw, scopeOf({ ...subject, base: networks.path }, diagnostics)),
  };
}

/** Keys, a line each: who makes one ends it with a line break, and manager and today's controller hand on the whole text (reference 11.8). */
const sshKeys = z.string().transform((text, context): readonly string[] => {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines.length > 0 && !lines.some((line) => /(?!\t)\p{Cc}/u.test(line))) return lines;
  return refuse(context, 'FIELD_INVALID', `${show(text)} is no SSH key; write one as in authorized_keys`);
});
const rateLimit = z.object({ networkID: z.string().min(1), rate: z.int().min(1).max(4_294_967_295) });
const egressRule = z.object({ networkID: z.string().min(1), ips: z.array(z.string()).min(1) });

function readAddress(raw: unknown, whole: ReturnType<typeof scopeOf>): Address | undefined {
  if (raw === undefined || raw === null || raw === '') return undefined;
  const read = typeof raw === 'string' ? parseAddress(raw) : undefined;
  if (read === undefined)
    whole
      .otherwise('The default resolver is used.')
      .mistake('FIELD_INVALID', `${show(raw)} is no IP address`, 'dnsServerAddress');
  return read;
}

function readDnsPort(raw: unknown, whole: ReturnType<typeof scopeOf>): number | undefined {
  // 0 is what Go writes for "not given".
  if (raw === undefined || raw === null || raw === 0) return undefined;
  const read = port.safeParse(raw);
  if (read.success) return read.data;
  whole.otherwise('Port 53 is used.').mistake('FIELD_INVALID', `${show(raw)} is not a port; use 1 to 65535`, 'dnsPort');
  return undefined;
}

function readInterval(raw: unknown, whole: ReturnType<typeof scopeOf>): number | undefined {
  if (raw === undefined || raw === null || raw === '') return undefined;
  const read = duration.safeParse(raw);
  if (read.success) return read.data;
  whole
    .otherwise('It counts as 10s.')
    .mistake('FIELD_INVALID', `${show(raw)} is no duration; write 10s or 1m30s`, 'interval');
  return undefined;
}

function readRuleFile(raw: unknown, whole: ReturnType<typeof scopeOf>): string | undefined {
  const read = optionalText.safeParse(raw);
  const text = read.success ? read.data : undefined;
  if (raw === undefined || raw === null || raw === '') return undefined;
  // Relative to what? And a name that begins with a dot is not loaded at a start of the machine (reference 1.1); none at all is a folder's.
  if (text !== undefined && /^\/[\x21-\x7e]*$/.test(text) && !/\/(?:\.[^/]*)?$/.test(text)) return text;
  whole
    .otherwise('The default file is used.')
    .mistake('FIELD_INVALID', `${show(raw)} is no absolute path to a file that nftables loads`, 'ipv4RuleFile');
  return undefined;
}

/** A restriction that cannot be read forbids: to leave it out would lift it. */
function readAllowed(raw: unknown, subject: Subject, diagnostics: Diagnostic[]): AllowedNetworks | undefined {
  if (raw === undefined || raw === null) return undefined;
  const scope = scopeOf({ ...subject, base: [...subject.base, 'allowedNetworks'] }, diagnostics);
  if (!isMap(raw)) {
    scope.otherwise('It forbids everything.').mistake('FIELD_INVALID', `this is ${show(raw)} and has to be a map`);
    return { ingress: PrefixSet.empty, egress: PrefixSet.empty };
  }
  const side = (name: string): PrefixSet =>
    PrefixSet.of(
      readEntries(looseCidr, raw[name], scope.at(name).otherwise('It allows nothing.')).map(({ value }) => value),
    );
  const given = (name: string): boolean => {
    const written = raw[name] ?? undefined;
    return written !== undefined && (!Array.isArray(written) || written.length > 0);
  };
  if (!given('ingress') && !given('egress')) return undefined;
  return { ingress: side('ingress'), egress: side('egress') };
}
