import type { Codes } from './entry.ts';

/** Codes of firewall machines: what of a Firewall, a policy or a Service does not come into force as written. */
export const machineCodes = {
  CWNP_INVALID: {
    blame: 'input',
    what: 'A ClusterwideNetworkPolicy holds something that cannot be read: a port, a protocol, a net, an exception or a name.',
    now: 'The whole policy is ignored, as its status says; all other policies are in force.',
    fix: 'Correct the field that the message names.',
  },
  CWNP_NAMESPACE: {
    blame: 'input',
    what: 'A ClusterwideNetworkPolicy stands in a namespace that the firewall does not read.',
    now: 'It is ignored.',
    fix: 'Move it into the namespace that the message names (`sources.NAME.namespace`, by default `firewall`).',
  },
  CWNP_FORBIDDEN: {
    blame: 'input',
    what: 'A policy names a net outside the allowed networks of its Firewall.',
    now: 'The whole policy is ignored, as its status says.',
    fix: 'Name nets within the range that the message gives, or have `allowedNetworks` of the Firewall widened.',
  },
  CWNP_NO_EFFECT: {
    blame: 'input',
    what: 'An entry of a policy has no ports, or no destination, which metal-stack has always taken for "nothing".',
    now: 'The entry opens nothing; the rest of the policy is in force.',
    fix: 'Write the ports and destinations, or set `semantics: strict`, with which an absent list means "all".',
  },
  CWNP_NARROWED: {
    blame: 'input',
    what: 'Part of a policy could be read in two ways, and the wider one would open more than was meant.',
    now: 'The narrower reading is in force.',
    fix: 'Write it so that only one reading is left, as the message says.',
  },
  CWNP_NOT_RESOLVED: {
    blame: 'input',
    what: 'A policy names domains, and this machine has no network with a default route, on whose first address the DNS proxy listens.',
    now: 'The rules are there, over sets without addresses: nothing is open through them.',
    fix: 'Attach such a network, or name nets instead.',
  },
  SERVICE_ADDRESS: {
    blame: 'input',
    what: 'An address or a source range of a Service cannot be read, or lies outside the allowed networks.',
    now: 'It is left out; where no source range or no address remains, nothing is opened for the Service.',
    fix: 'Correct it, or have `allowedNetworks` of the Firewall widened.',
  },
  SERVICE_PENDING: {
    blame: 'input',
    what: 'A Service has source ranges and no address yet, or is one that never gets an address of its own.',
    now: 'Nothing is opened for it: a rule without a destination would open its ports towards every address behind the firewall.',
    fix: 'Wait for the address, or use type LoadBalancer.',
  },
  FIREWALL_MISSING: {
    blame: 'input',
    what: 'The source of the firewall controller has no Firewall with the name of this machine.',
    now: 'Rules that need it (rate limits, SNAT, internal prefixes) are left out; everything else is rendered from the facts of the machine. A controller keeps the rules it had.',
    fix: 'Check `name` in the configuration file and the namespace of the source.',
  },
  MACHINE_NETWORK: {
    blame: 'input',
    what: 'A rule needs a network, or an address in one, that this machine is not attached to.',
    now: 'This rule is left out; all others are in force.',
    fix: 'Correct the network or the address; the message names what there is.',
  },
  MACHINE_FACTS: {
    blame: 'input',
    what: 'The networks of this machine are not known: there is no status of the Firewall, and no install.yaml that could be read.',
    now: 'Rules that name interfaces or networks are left out.',
    fix: 'Give the file with `--facts`, or `machine.facts` in the configuration file.',
  },
  METAL_UNREACHABLE: {
    blame: 'transient',
    what: 'The metal-api did not answer in time, broke off, or says that it cannot answer now.',
    now: 'What it said last counts, over restarts too. It is asked again, with growing pauses, and not before it asks for.',
    fix: 'Check the address, the network and the API; the message has what happened.',
  },
  METAL_REFUSED: {
    blame: 'rejected',
    what: 'The metal-api does not take our signature or token, or it cannot be read. A signature is good for 30 s: a wrong clock is told with how far it is off.',
    now: 'What it said last counts. It is asked again, with growing pauses; a file with a secret is read each time.',
    fix: 'Check `hmac` and `type`, or `token`, and the clock of this machine.',
  },
  METAL_FAILED: {
    blame: 'rejected',
    what: 'The metal-api answers something that is not its answer, or that lacks most of what was there.',
    now: 'What it said last counts. An answer that lacks most of the rules counts when it was heard three times in a row.',
    fix: 'Check `url`: it may lead to something else. Else look at the allocation of the machine.',
  },
  METAL_FIREWALL: {
    blame: 'input',
    what: 'The metal-api has no firewall, or several, with the host name of this machine in the project.',
    now: 'What it said last counts.',
    fix: 'Check `name` and `projectID` in the configuration file.',
  },
  MACHINE_RULES_REFUSED: {
    blame: 'rejected',
    what: 'nft refused a rule that Sallyport had made.',
    now: 'Everything from the object that it came from is left out; all else is in force.',
    fix: 'Please report it with the printed rule; until then change the object.',
  },
  MACHINE_OWN_FLOW: {
    blame: 'rejected',
    what: 'New base rules would deny a connection that this machine itself needs: to an API server, a resolver, the metal-api or the droptailer, BGP or SSH.',
    now: 'The base rules stay as they are; everything else is in force.',
    fix: 'Correct what the base rules are made from: the networks and the VPN in the facts of the machine.',
  },
  MACHINE_FLOW_LOST: {
    blame: 'rejected',
    what: 'A connection that this machine itself needs worked before rules were changed, and neither it nor a new one did for ten seconds after.',
    now: 'This connection is let through again by a rule of its own (chain `own_flows` of table `inet metal`), also at the next start. What was changed stays changed.',
    fix: 'Find what denies it; the rule goes with the next start of Sallyport.',
  },
  DROPTAILER_UNREACHABLE: {
    blame: 'transient',
    what: 'The server of the droptailer does not answer, or does not know our certificate, or we do not know its.',
    now: 'What was dropped waits and is sent later; when there is no room the oldest give way, and are counted.',
    fix: 'Look at the server, at `/etc/hosts` and at the certificates in `/etc/droptailer-client`; they are read again when they change.',
  },
  DROPTAILER_REFUSED: {
    blame: 'rejected',
    what: 'The server of the droptailer refused one message.',
    now: 'This message is given up and counted; the next ones are sent.',
    fix: 'Please report it with the versions of both.',
  },
  IDS_UNREACHABLE: {
    blame: 'transient',
    what: 'suricata does not answer at its command socket.',
    now: 'Its figures are left out of the FirewallMonitor; everything else is reported.',
    fix: 'Start `suricata.service`, or run without `--enable-IDS`.',
  },
  ACCOUNTING_FAILED: {
    blame: 'transient',
    what: 'Figures could not be signed, or the place that they are sent to does not take them.',
    now: 'This record is missing there; the next one has all counts, and its number shows the gap in time.',
    fix: 'Look at the place and the key in `machine.accounting`.',
  },
  HOST_DUTY_FAILED: {
    blame: 'transient',
    what: 'Something on the machine itself could not be set: an address of an interface.',
    now: 'It is tried again every ten seconds; rules and all other duties go on.',
    fix: 'Look at what the message says: the interface may be missing.',
  },
} as const satisfies Codes;
