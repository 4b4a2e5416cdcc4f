import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command } from '../../kit/commands.ts';

/** What one call of `sallyport render` is given. Texts are YAML. */
export interface Given {
  /** Members of the Firewall's spec, in YAML's flow form without its braces. */
  readonly firewall?: string;
  /** The whole Firewall, in place of one with this spec. */
  readonly firewallObject?: string;
  /** Documents beside the Firewall. */
  readonly objects?: readonly string[];
  readonly facts?: string;
  readonly config?: string;
}

/** What it came to. */
export interface Rendered {
  readonly code: number;
  /** The whole file. */
  readonly text: string;
  /** What it said, without the folder in which it was. */
  readonly said: readonly string[];
  /** The text of all objects, as it was given. */
  readonly objects: string;
  /** Rules of policies and Services: behind the ones for ICMP, before the drop of everything else. */
  readonly rules: readonly string[];
  /** Rules of the chain `postrouting`; undefined where the chain is not there. */
  readonly translations: readonly string[] | undefined;
}

/** The machine of these cases: nodes in VRF 42, storage in VRF 50, the internet in VRF 104009, a partner's network in VRF 104010. */
export const FACTS = `
hostname: fw-1
networks:
  - { networkid: nodes, networktype: privateprimaryunshared, private: true, underlay: false, nat: false, vrf: 42, asn: 4200000042, prefixes: [10.0.0.0/22], destinationprefixes: [], ips: [10.0.0.1] }
  - { networkid: storage, networktype: privatesecondaryshared, private: true, underlay: false, nat: false, vrf: 50, asn: 4200000042, prefixes: [10.0.16.0/22], destinationprefixes: [], ips: [10.0.16.2] }
  - { networkid: internet, networktype: external, private: false, underlay: false, nat: true, vrf: 104009, asn: 4200000042, prefixes: [198.51.100.0/24, 203.0.113.0/24], destinationprefixes: [0.0.0.0/0], ips: [198.51.100.2] }
  - { networkid: partner, networktype: external, private: false, underlay: false, nat: false, vrf: 104010, asn: 4200000042, prefixes: [192.0.2.0/24], destinationprefixes: [172.16.0.0/12], ips: [192.0.2.2] }
  - { networkid: underlay, networktype: underlay, private: false, underlay: true, nat: false, vrf: 0, asn: 4200000042, prefixes: [10.1.0.0/24], destinationprefixes: [], ips: [10.1.0.1] }
`;

/** Everything from one cluster beside another, as with Gardener. */
export const CONFIG = `
name: fw-1
sources:
  seed: { kubeconfig: /etc/firewall-controller/seed.yaml, namespace: seed }
  shoot: { kubeconfig: /etc/firewall-controller/shoot.yaml, namespace: firewall }
controllers:
  firewall: { source: seed }
  service: { source: shoot }
  cwnp: { source: shoot }
  monitor: { source: shoot }
`;

/** A ClusterwideNetworkPolicy; `spec` in YAML's flow form without its braces. */
export function policy(name: string, spec: string, namespace = 'firewall'): string {
  return `apiVersion: metal-stack.io/v1
kind: ClusterwideNetworkPolicy
metadata: { name: ${JSON.stringify(name)}, namespace: ${namespace} }
spec: { ${spec} }
`;
}

/** A Service; spec and addresses of its load balancer in YAML's flow form. */
export function service(name: string, spec: string, addresses = ''): string {
  return `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { ${spec} }
status: { loadBalancer: { ingress: [${addresses}] } }
`;
}

/** Runs the command line, as users do, on files. */
export async function rendered(given: Given): Promise<Rendered> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-conformance-'));
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const firewall = `apiVersion: firewall.metal-stack.io/v2
kind: Firewall
metadata: { name: fw-1, namespace: seed }
distance: 0
spec: { size: s, image: i, partition: p, project: q, networks: [nodes, internet], ${given.firewall ?? ''} }
`;
  const objects = [given.firewallObject ?? firewall, ...(given.objects ?? [])].join('---\n');
  try {
    const words = [
      'render',
      '-c',
      file('config.yaml', given.config ?? CONFIG),
      '--objects',
      file('objects.yaml', objects),
    ];
    const facts = file('install.yaml', given.facts ?? FACTS);
    const { code, out, err } = await command(...words, '--facts', facts, '--out', '-');
    return { code, text: out, said: err.replaceAll(folder, '').split('\n').filter(Boolean), objects, ...partsOf(out) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function partsOf(text: string): Pick<Rendered, 'rules' | 'translations'> {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const first = lines.findIndex((line) => line.endsWith('comment "accept icmp"'));
  const last = lines.indexOf('counter comment "count and log dropped packets"');
  const hook = lines.indexOf('type nat hook postrouting priority -1; policy accept;');
  return {
    rules: first < 0 || last < 0 ? ['the chain forward is not as the reference has it'] : lines.slice(first + 1, last),
    translations: hook < 0 ? undefined : lines.slice(hook + 1, lines.indexOf('}', hook)),
  };
}
