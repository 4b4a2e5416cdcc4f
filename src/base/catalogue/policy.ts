import type { Codes } from './entry.ts';

/** Codes of cluster policy and of what it is about: endpoints, addresses, tiers, flows. */
export const policyCodes = {
  ADDRESS_NOT_CREDIBLE: {
    blame: 'input',
    what: 'A pod shows an address that cannot be believed: it lies outside the pools and nodes of the cluster, or an annotation alone claims it and its pool, its owner or its node speaks against it, or it is no address.',
    now: 'The pod counts as not having this address; no group, class or rule holds it because of this pod.',
    fix: 'If the address is right, read the IPPool that covers it (and the Node) as well; an annotation counts only until the kubelet reports `status.podIPs`.',
  },
  ADDRESS_UNREADABLE: {
    blame: 'input',
    what: 'A node, host endpoint or EndpointSlice lists an address that cannot be read.',
    now: 'The address is left out; the others count.',
    fix: 'Write the address as the message shows.',
  },
  TIER_MISSING: {
    blame: 'input',
    what: 'A policy names a tier that does not exist.',
    now: 'The policy is kept as Calico keeps it: its tier comes after all others and denies what its policies do not decide.',
    fix: 'Create the Tier or correct `spec.tier`. If Tiers are not read from your source, add them to it.',
  },
  POLICY_CONVERTED: {
    blame: 'input',
    what: "A policy of Calico's has the name that Calico's tools print for a Kubernetes policy, an AdminNetworkPolicy or a BaselineAdminNetworkPolicy in its converted form, and that policy is read as well.",
    now: 'If it selects and decides as the original, it is left out of account, so that nothing counts twice. Otherwise both count.',
    fix: 'Leave the converted form out of what is read; where it is a policy of its own, give it another name.',
  },
  HTTP_NOT_ENFORCEABLE: {
    blame: 'input',
    what: 'A rule matches on HTTP methods or paths, which a packet filter cannot see.',
    now: 'A rule that allows is left out, because without its match it would allow more; one that denies then denies everything.',
    fix: 'Leave such rules to a proxy and state the part that concerns addresses and ports in a rule without `http`.',
  },
  SERVICE_UNKNOWN: {
    blame: 'input',
    what: 'A rule matches on a Kubernetes Service of which no EndpointSlice is there.',
    now: 'Nothing is behind the service, as in Calico: the rule matches nothing, whatever its action, until a slice is there.',
    fix: 'Correct the name or namespace of the service. If EndpointSlices are not read from your source, add them: `kubectl get endpointslices -A -o yaml`.',
  },
  PROFILE_PASS: {
    blame: 'input',
    what: 'A rule of a profile has the action Pass; profiles are asked after the last tier.',
    now: 'The rule denies what it matches: of Calico, one part goes on to the next profile and another denies.',
    fix: 'Write Allow or Deny, or a policy in the place of the profile.',
  },
  WORKLOAD_ENDPOINT_ALONE: {
    blame: 'input',
    what: 'A WorkloadEndpoint is given, and the Pod that it belongs to is not.',
    now: 'The commands that ask what the policies of the cluster do (`eval`, `flow`, `connections` and their like) and the library count it. No border opens on the word of whoever wrote it.',
    fix: 'Read the pods as well: `kubectl get pods -A -o yaml`.',
  },
  RESERVED_LABEL: {
    blame: 'input',
    what: 'A network set carries a label that only Calico may set.',
    now: 'The label is ignored.',
    fix: 'Remove it; the namespace of a NetworkSet is known without it.',
  },
  NAMESPACE_MISSING: {
    blame: 'input',
    what: 'Pods are in a namespace whose Namespace object is not there.',
    now: 'Selectors over namespace labels do not match these pods, and a flow that no policy decides is denied for them, as Calico does while the namespace profile is missing.',
    fix: 'Add the Namespace to what is read, for example with `kubectl get namespaces,pods,… -A -o yaml`.',
  },
  FLOW_INVALID: {
    blame: 'input',
    what: 'A question about a flow has an address, protocol or port that cannot be read.',
    now: 'The question is not answered.',
    fix: 'Give two addresses of one family, a protocol by name or number, and ports for TCP, UDP and SCTP.',
  },
  EXPECTATION_SYNTAX: {
    blame: 'input',
    what: 'A line of an `expect` file cannot be read; the message says what was expected at which column.',
    now: 'Nothing is checked: a test that was left out would look like one that passed.',
    fix: "Write `allow` or `deny`, the sender, `->`, the receiver with port and protocol, for example `allow shop/(app == 'web') -> 203.0.113.10:443/TCP via edge-1`.",
  },
  FLOW_SET_LIMIT: {
    blame: 'rejected',
    what: 'Rules combine in so many ways that what they allow cannot be computed exactly within the limit.',
    now: 'Nothing is guessed: what needed the answer is refused and the firewall keeps what it holds.',
    fix: 'Split the policy, or use fewer different combinations of nets, port ranges and domains in one list of rules.',
  },
} as const satisfies Codes;
