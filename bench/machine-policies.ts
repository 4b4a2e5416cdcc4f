/** How many rules a policy of a number has. */
export const RULES = 20;

/** A ClusterwideNetworkPolicy as an API server gives it. */
export function machinePolicy(name: string, egress: readonly unknown[]): unknown {
  return {
    apiVersion: 'metal-stack.io/v1',
    kind: 'ClusterwideNetworkPolicy',
    metadata: { name, namespace: 'firewall' },
    spec: { egress },
  };
}

/** One that opens a port to networks of its own, each by a rule. */
export function numberedPolicy(number: number, port: number): unknown {
  return machinePolicy(
    `policy-${number}`,
    Array.from({ length: RULES }, (_, rule) => ({
      to: [{ cidr: `${20 + (number >> 8)}.${number & 255}.${rule}.0/24` }],
      ports: [{ protocol: 'TCP', port }],
    })),
  );
}
