import type { BucketMap } from '../base/bucket-map.ts';
import { compareUtf8 } from '../base/compare.ts';
import type { Place } from '../base/diagnostic.ts';
import type { BlindItem, BlindReport } from './blind.ts';
import type { FirewallState, Unseen } from './firewall-state.ts';
import { type Finding, compareFindings } from './finding.ts';
import type { Frame } from './frame.ts';
import type { Profile } from './profile.ts';
import { overlap } from './source-nat.ts';

/** So many names stand for all of a list. */
const EXAMPLES = 3;

/** The tables that findings are made from: one version of each, so that they can be read later. */
export interface FindingTables {
  readonly reports: BucketMap<BlindReport>;
  readonly unseen: BucketMap<Unseen>;
  readonly overlapping: readonly Profile[];
}

export function tablesOf(state: FirewallState): FindingTables {
  return { reports: state.reports, unseen: state.unseen, overlapping: state.overlapping };
}

/** Everything there is to say about one firewall; sorted. */
export function findingsOf(frame: Frame, tables: FindingTables): readonly Finding[] {
  const { firewall } = frame;
  const about = (code: Finding['code'], message: string): Finding => ({
    severity: 'warning',
    code,
    condition: 'Blind',
    object: `BorderFirewall/${firewall.name}`,
    firewall: firewall.name,
    path: '',
    message,
    at: firewall.place,
  });
  const findings = [
    ...frame.findings,
    ...blindItems(frame, tables.reports),
    ...inVain(frame, tables.unseen),
    ...overlaps(frame, tables.overlapping),
  ];

  const blind = [...tables.reports.keys()];
  if (blind.length > 0)
    findings.push(
      about(
        'BORDER_BLIND',
        `${count(blind.length, 'address')} here ${blind.length === 1 ? 'is' : 'are'} shared by workloads (${examples(blind)}); each gets only what all that send from it are allowed`,
      ),
    );
  const unsaid: string[] = [];
  const noNode: string[] = [];
  for (const [endpoint, unseen] of tables.unseen.entries()) (unseen.kind === 'Unsaid' ? unsaid : noNode).push(endpoint);
  if (unsaid.length > 0)
    findings.push(
      about(
        'BORDER_SEES_UNSAID',
        `no IP pool covers ${count(unsaid.length, 'workload')} (${examples(unsaid)}), so nobody knows which address this firewall sees of them; say \`sees: Pod\` or \`sees: Node\``,
      ),
    );
  if (noNode.length > 0)
    findings.push(
      about(
        'BORDER_NODE_ADDRESS_MISSING',
        `${count(noNode.length, 'workload')} (${examples(noNode)}) leave with their node's ${firewall.nodeAddress}, and the node has none of their family; correct \`nodeAddress\` or the Node's addresses`,
      ),
    );
  return findings.sort(compareFindings);
}

function blindItems(frame: Frame, reports: BucketMap<BlindReport>): Finding[] {
  const byObject = new Map<string, { readonly item: BlindItem; readonly addresses: string[] }>();
  for (const [address, { items }] of [...reports.entries()].sort(([a], [b]) => compareUtf8(a, b)))
    for (const item of items) {
      const key = `${item.kind} ${item.object}`;
      const known = byObject.get(key);
      if (known === undefined) byObject.set(key, { item, addresses: [address] });
      else known.addresses.push(address);
    }
  if (byObject.size === 0) return [];
  const places = placesOf(frame);
  return [...byObject.values()].map(({ item, addresses }) => {
    const place = places.get(item.object);
    const strangers = `${item.strangers.join(', ')}${item.more > 0 ? ` and ${item.more} more` : ''}`;
    const where = `${addresses[0]}${addresses.length > 1 ? ` and ${addresses.length - 1} more addresses` : ''}`;
    const firewall = `BorderFirewall/${frame.firewall.name}`;
    return {
      severity: item.kind === 'Refused' ? 'error' : 'warning',
      code: item.kind === 'Refused' ? 'BLIND_REFUSED' : 'BLIND_WIDENED',
      condition: item.kind === 'Refused' ? 'Stalled' : 'Blind',
      object: item.object,
      firewall: frame.firewall.name,
      path: '',
      message:
        item.kind === 'Refused'
          ? `it is not in force for ${where} at ${firewall}, because others send from there whom it does not select: ${strangers}; give its workloads addresses of their own, or write Widen here and there`
          : `it counts for everybody who sends from ${where} at ${firewall}, also for ${strangers}`,
      ...(place === undefined ? {} : { at: place }),
    } satisfies Finding;
  });
}

/** Objects that select workloads whose address nobody can tell. */
function inVain(frame: Frame, unseen: BucketMap<Unseen>): Finding[] {
  const byObject = new Map<string, string[]>();
  for (const [endpoint, { objects }] of unseen.entries())
    for (const object of objects) {
      const endpoints = byObject.get(object);
      if (endpoints === undefined) byObject.set(object, [endpoint]);
      else endpoints.push(endpoint);
    }
  if (byObject.size === 0) return [];
  const places = placesOf(frame);
  return [...byObject].map(([object, endpoints]) => {
    const place = places.get(object);
    const firewall = `BorderFirewall/${frame.firewall.name}`;
    return {
      severity: 'error',
      code: 'BLIND_REFUSED',
      condition: 'Stalled',
      object,
      firewall: frame.firewall.name,
      path: '',
      message: `it is not in force at ${firewall} for ${count(endpoints.length, 'workload')} (${examples(endpoints)}), because nobody can tell which address ${firewall} sees of them`,
      ...(place === undefined ? {} : { at: place }),
    } satisfies Finding;
  });
}

function placesOf(frame: Frame): ReadonlyMap<string, Place> {
  return new Map([
    ...frame.entries.flatMap((entry) => (entry.place === undefined ? [] : [[entry.id, entry.place] as const])),
    ...frame.nats.map((nat) => [nat.origin.policy, nat.place] as const),
    ...frame.groups.map(({ resource }) => [`AddressGroup/${resource.name}`, resource.place] as const),
  ]);
}

function overlaps(frame: Frame, profiles: readonly Profile[]): Finding[] {
  const found = new Map<string, Finding>();
  for (const { nats } of profiles)
    for (const [position, first] of nats.entries())
      for (const second of nats.slice(position + 1)) {
        const winner = frame.nats[first];
        const loser = frame.nats[second];
        if (winner === undefined || loser === undefined) continue;
        const example = overlap(winner, loser);
        if (example === undefined) continue;
        found.set(`${first} ${second}`, {
          severity: 'warning',
          code: 'BORDER_NAT_OVERLAP',
          condition: 'Stalled',
          object: loser.origin.policy,
          firewall: frame.firewall.name,
          path: 'spec.destination',
          message: `${winner.origin.policy} goes before it at BorderFirewall/${frame.firewall.name} for flows that both take, such as ${example}; make the destinations disjoint, or keep the order if that is meant`,
          at: loser.place,
        });
      }
  return [...found.values()];
}

function count(n: number, what: string): string {
  return n === 1 ? `1 ${what}` : `${n} ${what}${what.endsWith('s') ? 'es' : 's'}`;
}

/** The first three, without sorting what may be a hundred thousand. */
function examples(names: readonly string[]): string {
  const first: string[] = [];
  for (const name of names) {
    const last = first[EXAMPLES - 1];
    if (last !== undefined && compareUtf8(name, last) >= 0) continue;
    first.push(name);
    first.sort(compareUtf8);
    first.length = Math.min(first.length, EXAMPLES);
  }
  return names.length > EXAMPLES ? `${first.join(', ')}, …` : first.join(', ');
}
