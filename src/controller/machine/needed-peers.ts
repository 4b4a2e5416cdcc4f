import { lookup } from 'node:dns/promises';
import { chooseContext } from '../../kubernetes/kubeconfig-file.ts';
import { parseAddress } from '../../ip/address.ts';
import { flowTo, type OwnFlow } from '../../machine/own-flows.ts';
import type { MachineConfigured } from './machine-configured.ts';
import { readIfThere } from './rule-files.ts';

/** Somebody whom this machine has to reach. */
export interface NeededPeer {
  /** For people: `the API server of source seed`. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
}

/** Where this machine's own files tell whom it has to reach. */
export interface PeerFiles {
  readonly resolvers: string;
  /** Of the droptailer's server: `droptailer:50051`. */
  readonly droptailer: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Whom the configuration names, and whether drops are shipped. */
type NeedsPeers = Pick<MachineConfigured, 'sources'> & {
  readonly machine: Pick<MachineConfigured['machine'], 'shootAccess'> & {
    readonly firewall: Pick<MachineConfigured['machine']['firewall'], 'droptailer'>;
  };
};

/** The API servers, the metal-api, the resolvers and, if drops are shipped, the droptailer's server, as far as they are known now. Never throws. */
export async function neededPeers(
  { sources, machine }: NeedsPeers,
  { resolvers, droptailer, environment }: PeerFiles,
): Promise<readonly NeededPeer[]> {
  const peers: NeededPeer[] = [];
  for (const [source, place] of sources) {
    if (place.type === 'metal') peers.push(...peerAt(`metal-api of source ${source}`, place.url));
    if (place.type !== 'kubernetes') continue;
    const name = `API server of source ${source}`;
    const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = environment;
    // What the Firewall says of a cluster is kept as a kubeconfig too.
    const kubeconfig = place.kubeconfig ?? (place.shootAccess === undefined ? undefined : machine.shootAccess);
    if (kubeconfig !== undefined) peers.push(...peerAt(name, await serverOf(kubeconfig, place.context)));
    else if (host !== undefined) peers.push({ name, host, port: Number(port), protocol: 'tcp' });
  }
  const text = (await readIfThere(resolvers).catch(() => undefined)) ?? '';
  // What is too long for a datagram comes over TCP.
  for (const [, host = ''] of text.matchAll(/^nameserver\s+(\S+)/gm))
    for (const [name, protocol] of [
      [`DNS resolver ${host}`, 'udp'],
      [`DNS resolver ${host} over TCP`, 'tcp'],
    ] as const)
      peers.push({ name, host: host.replace(/%.*$/, ''), port: 53, protocol });
  if (machine.firewall.droptailer) peers.push(...peerAt('droptailer server', `https://${droptailer}`));
  return peers;
}

/** Where this machine connects to for the API server of a kubeconfig: a proxy that it names, else the server itself. */
async function serverOf(kubeconfig: string, context: string | undefined): Promise<string> {
  try {
    const { server, 'proxy-url': proxy } = (await chooseContext([kubeconfig], context)).cluster.value;
    return proxy ? proxy : server;
  } catch {
    // The source says what is wrong with it.
    return '';
  }
}

function peerAt(name: string, url: string): readonly NeededPeer[] {
  let read: URL;
  try {
    read = new URL(url);
  } catch {
    return [];
  }
  const port = read.port === '' ? (read.protocol === 'http:' ? 80 : 443) : Number(read.port);
  return [{ name, host: read.hostname.replace(/^\[|\]$/g, ''), port, protocol: 'tcp' }];
}

/** The flows to a peer: one for each of its addresses; where they are not known, one to anybody. */
export async function flowsTo({ name, host, port, protocol }: NeededPeer): Promise<readonly OwnFlow[]> {
  const literal = parseAddress(host);
  if (literal !== undefined) return [flowTo(name, literal, port, protocol)];
  try {
    const found = await lookup(host, { all: true });
    return found.map(({ address }) => flowTo(name, parseAddress(address), port, protocol));
  } catch {
    return [flowTo(name, undefined, port, protocol)];
  }
}
