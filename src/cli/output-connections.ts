import { z } from 'zod';
import { endpointId } from './output-parts.ts';
import { traffic } from './output-plan.ts';

const range = z.array(z.int().min(0)).min(2).max(2).describe('first and last, both included');

const end = z.strictObject({
  workloads: z
    .array(z.string())
    .describe('Deployment/namespace/name and the like, Pod/namespace/name, HostEndpoint/name: all endpoints of each'),
  endpoints: z.array(endpointId).describe('endpoints of workloads that are not meant as a whole'),
  addresses: z.array(z.string()).describe('addresses of endpoints that are not meant with all of theirs'),
  nets: z.array(z.string()).describe('prefixes: of them, every address that no endpoint of the world has'),
});

/** Flows that are allowed between two ends, or gained, or lost. */
const connection = z.strictObject({
  families: z.array(z.literal([4, 6])).describe('of addresses; all of it holds for each of them'),
  from: end.describe('who opens them'),
  to: end.describe('whom they reach'),
  services: z
    .array(
      z.strictObject({
        text: z.string().describe('for people'),
        protocols: z.array(range).describe('IP protocol numbers'),
        ports: z.array(range).optional().describe('destination ports; absent: all, or the protocol has none'),
        sourcePorts: z.array(range).optional().describe('source ports; absent: all, or the protocol has none'),
        icmp: z.array(range).optional().describe('ICMP type × 256 + code; absent: all, or another protocol'),
        domains: z
          .strictObject({
            in: z.array(z.string()).describe('the destination is an address of all of these'),
            out: z.array(z.string()).describe('and of none of these'),
          })
          .optional()
          .describe('absent where it does not depend on domain names'),
      }),
    )
    .describe('what they are; no flow is in two of them'),
});

/** What `connections` prints. */
export const connections = z
  .strictObject({
    connections: z
      .array(connection)
      .describe('each flow that is allowed is in exactly one, but what an endpoint sends to itself in none'),
  })
  .describe('everything that the cluster allows with an endpoint at one end or both');

/** What `diff` prints. */
export const worldDifference = z
  .strictObject({
    before: z.string().describe('the first world'),
    after: z.string().describe('the second'),
    gained: z.array(connection).describe('allowed in the second cluster and not in the first'),
    lost: z.array(connection).describe('allowed in the first cluster and not in the second'),
    gone: z.array(endpointId).describe('endpoints that only the first has'),
    come: z.array(endpointId).describe('endpoints that only the second has'),
    firewalls: z
      .array(
        z.strictObject({
          firewall: z.string().describe('its name'),
          presence: z
            .enum(['both', 'gone', 'come', 'unknown'])
            .describe(
              'both: it is in both worlds; gone, come: in one; unknown: its own mistakes leave it without rules in one of them',
            ),
          traffic: traffic.nullable().describe('what its rules let pass and drop differently; null: unknown'),
        }),
      )
      .describe('border firewalls that do not do the same in both'),
  })
  .describe('what two worlds differ in');
