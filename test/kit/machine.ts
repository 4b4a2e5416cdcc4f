import { unfoldList } from '../../src/api/list.ts';
import type { Diagnostic } from '../../src/base/diagnostic.ts';
import { type Routing, routingOf } from '../../src/machine/frr/routing.ts';
import { readFacts } from '../../src/machine/kinds/facts.ts';
import { readFirewallSpec } from '../../src/machine/kinds/firewall.ts';
import { readMachineObjects } from '../../src/machine/objects.ts';
import { type MachineInput, type MachineResult, machineRuleset } from '../../src/machine/ruleset.ts';
import { tableText } from '../../src/machine/table-text.ts';
import { readManifestText } from '../../src/sources/manifests/document.ts';

/** install.yaml of a small machine: the cluster's network in VRF 42, the internet in VRF 104009. */
export const FACTS = `
hostname: fw-1
networks:
  - { networkid: nodes, networktype: privateprimaryunshared, vrf: 42, prefixes: [10.0.0.0/22], ips: [10.0.0.1] }
  - { networkid: storage, networktype: privatesecondaryshared, vrf: 50, prefixes: [10.0.16.0/22], ips: [10.0.16.2] }
  - networkid: internet
    networktype: external
    vrf: 104009
    nat: true
    prefixes: [198.51.100.0/24, 203.0.113.0/24, "2001:db8:100::/64"]
    destinationprefixes: [0.0.0.0/0, "::/0"]
    ips: [198.51.100.2]
  - { networkid: underlay, networktype: underlay, vrf: 0, asn: 4200000042, prefixes: [10.1.0.0/24], ips: [10.1.0.1] }
`;

/** What objects and facts come to. */
export interface SmallMachine extends MachineResult {
  readonly input: MachineInput;
  readonly text: string;
  /** `severity CODE object path: message`, of objects and of rules. */
  readonly said: readonly string[];
}

/** The rules of a machine whose objects are in one text: at most one Firewall, whatever its name. */
export function smallMachine(
  manifests: string,
  { facts = FACTS, ...more }: Partial<MachineInput> & { readonly facts?: string } = {},
): SmallMachine {
  const diagnostics: Diagnostic[] = [];
  const { objects: documents, problems } = readManifestText(manifests, 'objects.yaml');
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  const objects = readMachineObjects(
    documents.flatMap(({ raw, locate, placeOf }) =>
      (unfoldList(raw) ?? [{ item: raw, path: [] }]).map(({ item, path }) => ({
        raw: item,
        place: placeOf(path),
        locate,
        base: path,
      })),
    ),
    diagnostics,
  );
  const subject = { object: undefined, place: {}, locate: undefined, base: [] };
  const read = readFacts(readManifestText(facts, 'install.yaml').objects[0]?.raw ?? {}, subject, diagnostics);
  const firewall =
    objects.firewalls[0]?.spec ?? readFirewallSpec(undefined, { raw: undefined, path: [] }, subject, diagnostics);
  const input: MachineInput = {
    firewall,
    networks: firewall.networks.length > 0 ? firewall.networks : read.networks,
    policies: objects.policies,
    metalRules: objects.metal[0]?.rules ?? [],
    services: objects.services,
    semantics: 'compatible',
    namespace: 'firewall',
    resolved: undefined,
    ...more,
  };
  const result = machineRuleset(input);
  return {
    ...result,
    input,
    text: tableText(result.ruleset),
    said: [...diagnostics, ...result.diagnostics].map(
      (d) => `${d.severity} ${d.code} ${d.object ?? ''} ${d.path}: ${d.message}`,
    ),
  };
}

/** What FRR is to do on a machine with these facts. */
export function routing(facts: string, distance = 0, current: Routing['external'] = []): Routing {
  const subject = { object: undefined, place: {}, locate: undefined, base: [] };
  const read = readFacts(readManifestText(facts, 'install.yaml').objects[0]?.raw ?? {}, subject, []);
  const made = routingOf(read, current, distance);
  if ('lacks' in made) throw new Error(made.lacks.join('; '));
  return made.value;
}

/** A policy in the namespace that counts; `spec` in YAML's flow form. */
export function cwnp(name: string, spec: string, namespace = 'firewall'): string {
  return `---\napiVersion: metal-stack.io/v1\nkind: ClusterwideNetworkPolicy\nmetadata: { name: ${name}, namespace: ${namespace} }\nspec: ${spec}\n`;
}

/** A Service; `rest` are further members in YAML's flow form: `spec: …, status: …`. */
export function service(name: string, rest: string, namespace = 'shop'): string {
  return `---\n{ apiVersion: v1, kind: Service, metadata: { name: ${name}, namespace: ${namespace} }, ${rest} }\n`;
}

/** The machine's Firewall; `spec` in YAML's flow form. */
export function firewall(spec: string): string {
  return `---\napiVersion: firewall.metal-stack.io/v2\nkind: Firewall\nmetadata: { name: fw-1, namespace: seed }\ndistance: 0\nspec: ${spec}\n`;
}
