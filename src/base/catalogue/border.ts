import type { Codes } from './entry.ts';

/** Codes of the way from policy to border rules. */
export const borderCodes = {
  BORDER_DEVICE_TWICE: {
    blame: 'input',
    what: 'Two BorderFirewalls are the same device: same driver, address and scope.',
    now: 'Neither gets a plan; the device keeps what it holds.',
    fix: 'Keep one of them, or give each its own scope (virtual domain, device group) in `options`.',
  },
  BORDER_BEHIND_CIRCLE: {
    blame: 'input',
    what: 'A BorderFirewall stands behind itself through `behind`.',
    now: 'No firewall of the circle, and none behind it, gets a plan; the devices keep what they hold.',
    fix: 'Name in `behind` only the firewalls that a packet meets earlier on its way out.',
  },
  BORDER_BEHIND_BROKEN: {
    blame: 'input',
    what: 'A BorderFirewall stands behind another one whose own `behind` is wrong, so nobody can tell which addresses it sees.',
    now: 'It gets no plan; the device keeps what it holds.',
    fix: 'Correct `behind` of the firewall that is named.',
  },
  BORDER_FIREWALL_UNKNOWN: {
    blame: 'input',
    what: 'An object names a BorderFirewall that does not exist, or that cannot be read for its own mistakes.',
    now: 'The other names of the object work. A BorderFirewall with such a name in `behind` gets no plan; with one in `guard.after` it changes members alone.',
    fix: 'Correct the name, mend the BorderFirewall that it means, or remove it.',
  },
  BORDER_AFTER_CIRCLE: {
    blame: 'input',
    what: 'BorderFirewalls name each other in `guard.after`, so that each waits for the others to hold a change first.',
    now: 'None of them changes rules; members follow.',
    fix: 'Take one name out of `guard.after`, so that there is a first one.',
  },
  BORDER_POOL_UNKNOWN: {
    blame: 'input',
    what: 'A BorderFirewall takes the workloads of an IPPool that does not exist.',
    now: 'The other pools count.',
    fix: 'Correct the name in `workloads.ipPools`, or remove it.',
  },
  BORDER_TIER_UNKNOWN: {
    blame: 'input',
    what: 'A BorderFirewall repeats a tier that does not exist and that no policy names.',
    now: 'The other tiers are repeated.',
    fix: 'Correct the name in `policies.tiers`, or remove it.',
  },
  BORDER_RULE_UNSAYABLE: {
    blame: 'input',
    what: 'A rule of a repeated tier matches what a border cannot see: ports of the sender by name.',
    now: 'An Allow or Log is left out at the border; a Deny or Pass denies all that the rest of the rule matches there.',
    fix: 'Write the rule with addresses or network sets, or do not repeat its tier.',
  },
  BORDER_POLICY_NOT_ACCEPTED: {
    blame: 'input',
    what: 'A BorderPolicy has a rule that a firewall does not accept from its namespace, or the firewall accepts none from there.',
    now: 'The whole policy does not count at that firewall; nothing is trimmed.',
    fix: 'Narrow the rule, widen the `accepts` of the firewall, or name other firewalls in the policy.',
  },
  BORDER_BLIND: {
    blame: 'input',
    what: 'A firewall sees one address for several workloads, because of natOutgoing, the node network, or a translation nearer to the pods.',
    now: 'Such an address gets only what every workload that sends from it is allowed.',
    fix: 'Use pools without natOutgoing, or an egress gateway, for workloads that the border must tell apart.',
  },
  BLIND_REFUSED: {
    blame: 'input',
    what: 'A workload sends from an address that others send from too, whom the object does not select, or from one that nobody can tell.',
    now: 'Nothing of the object is in force for that workload at that firewall.',
    fix: 'Give the workload an address of its own, select the others as well, or write `onBlind: Widen` in the object and `blind: Widen` in the firewall.',
  },
  BLIND_WIDENED: {
    blame: 'input',
    what: 'A shared address is treated as the object says, for everybody who sends from it; both the object and the firewall allow that.',
    now: 'The strangers that are named get the same.',
    fix: 'Nothing, if that is meant; else take `Widen` out of either.',
  },
  BORDER_SEES_UNSAID: {
    blame: 'input',
    what: 'Workloads have addresses that no IP pool covers, and their firewall does not say whether it sees them or the address of their node.',
    now: 'Their addresses are not known there: where `networks` hold them they are dropped.',
    fix: 'Set `sees: Pod` or `sees: Node` in the BorderFirewall.',
  },
  BORDER_NODE_ADDRESS_MISSING: {
    blame: 'input',
    what: 'Workloads leave with the address of their node, and the node has none of that type and family.',
    now: 'Their traffic has no known address at that firewall.',
    fix: 'Set `nodeAddress` to a type that the nodes have in `status.addresses`.',
  },
  BORDER_NAT_HELD: {
    blame: 'input',
    what: 'A SourceNAT cannot be read whole, or names an IPPool that does not exist.',
    now: 'The flows that it may mean are dropped, so that none leaves with a wrong address.',
    fix: 'Correct the part that other messages about the object name.',
  },
  BORDER_NAT_ADDRESS_IN_USE: {
    blame: 'input',
    what: 'A SourceNAT translates to an address that a node or pod has, or that a pool may assign to a pod.',
    now: 'That address is not used; where none is left, the flows are dropped.',
    fix: 'Choose addresses outside nodes and workload pools.',
  },
  BORDER_NAT_OVERLAP: {
    blame: 'input',
    what: 'Two SourceNATs take the same flows of the same workload.',
    now: 'The one with the lower order wins, then the one whose name sorts first.',
    fix: 'Make their destinations disjoint, or keep their order if that is meant.',
  },
  BORDER_GROUP_NAME_TAKEN: {
    blame: 'input',
    what: 'Two AddressGroups have the same name on one firewall.',
    now: 'The one whose object name sorts first has it; the other is not made there.',
    fix: 'Give one of them another `name`, or other `firewalls`.',
  },
  BORDER_GROUP_HELD: {
    blame: 'input',
    what: 'A selector of an AddressGroup cannot be read.',
    now: 'The group stays on the device as it is.',
    fix: 'Correct the selector.',
  },
} as const satisfies Codes;
