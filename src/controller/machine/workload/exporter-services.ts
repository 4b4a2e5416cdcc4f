import type { RawMap } from '../../../api/shape.ts';
import { type Address, formatAddress } from '../../../ip/address.ts';
import { apply } from '../../../kubernetes/objects.ts';
import type { ClusterAccess } from '../sources/cluster-source.ts';

/** What is scraped on a firewall machine, and as what it is known in its cluster (reference 9.1). */
const EXPORTERS = [
  { name: 'nftables-exporter', port: 9630, portName: 'nftexporter' },
  { name: 'node-exporter', port: 9100, portName: 'nodeexporter' },
] as const;
const SERVICES = { group: '', version: 'v1', plural: 'services' };
const ENDPOINTS = { group: '', version: 'v1', plural: 'endpoints' };

/**
 * Lets the cluster's Prometheus find the machine's exporters, as today: for each a headless Service without selector, and its Endpoints with the
 * machine's address. EndpointSlices are made of these by the cluster itself. Server-side apply: where nothing differs, the server writes nothing.
 * Rejects with the `API_…` codes.
 */
export async function keepExporterServices(
  { client, namespace }: ClusterAccess,
  address: Address,
  signal: AbortSignal,
): Promise<void> {
  for (const { name, port, portName } of EXPORTERS) {
    const metadata = { name, namespace, labels: { app: name } };
    const put = (collection: typeof SERVICES, kind: string, rest: RawMap): Promise<unknown> =>
      apply(
        client,
        collection,
        { namespace, name },
        { apiVersion: 'v1', kind, metadata, ...rest },
        { force: true },
        signal,
      );
    await put(SERVICES, 'Service', {
      spec: { clusterIP: 'None', ports: [{ name: portName, port, protocol: 'TCP', targetPort: portName }] },
    });
    await put(ENDPOINTS, 'Endpoints', {
      subsets: [{ addresses: [{ ip: formatAddress(address) }], ports: [{ name: portName, port, protocol: 'TCP' }] }],
    });
  }
}
