import type { Codes } from './entry.ts';

/** Codes of border firewalls: drivers, workers, plans. */
export const deviceCodes = {
  DEVICE_UNREACHABLE: {
    blame: 'transient',
    what: 'The firewall, or the program that reaches it, did not answer.',
    now: 'What it holds stays as it was confirmed last; the worker tries again with growing pauses.',
    fix: 'Check the address, the transport and the rights; `sallyport plan` shows the same error at once.',
  },
  TRANSLATION_NOT_OWNED: {
    blame: 'rejected',
    what: 'A SourceNAT translates to an address that the firewall neither has on an interface nor announces by a route of its own.',
    now: 'Flows that would get this address are dropped, not leaked; the firewall is asked again every ten seconds.',
    fix: 'Add the address to an interface of the firewall or a `blackhole` route for it, or correct `spec.translate`.',
  },
  DEVICE_DRIVER: {
    blame: 'rejected',
    what: 'A BorderFirewall names a driver that this version does not have.',
    now: 'The firewall is left alone; all others go on.',
    fix: 'Correct `spec.driver`; the message lists the drivers.',
  },
  LAB_STUCK: {
    blame: 'rejected',
    what: 'The lab waited in vain for its border to hold what is wanted.',
    now: 'The lab takes itself down and ends with an error.',
    fix: 'Read the reasons printed with it; `sallyport validate` on the same manifests shows mistakes in them.',
  },
  NO_NAMESPACES: {
    blame: 'rejected',
    what: 'This system does not let the lab make network namespaces.',
    now: 'Nothing is started.',
    fix: 'Run it as root or allow user namespaces, as the message says; or see the story without packets: `sallyport lab --no-packets`.',
  },
  INTERNAL: {
    blame: 'bug',
    what: 'Sallyport met a state that its authors held impossible.',
    now: 'The work under way stops; nothing more is written for it.',
    fix: 'Please report it with the printed text.',
  },
  DEVICE_ADDRESS: {
    blame: 'input',
    what: 'The address of an nftables firewall is not one of `local`, `netns:NAME`, `ssh://[user@]host[:port]`.',
    now: 'The firewall is not contacted.',
    fix: 'Write the address in one of these forms; names may hold letters, digits, dots, dashes and underscores.',
  },
  DEVICE_OPTIONS: {
    blame: 'input',
    what: 'The `options` of a firewall hold a key or a value that its driver does not know.',
    now: 'The firewall is not contacted.',
    fix: 'Correct the named key; `docs/reference` lists the options of each driver.',
  },
  DEVICE_SETTING: {
    blame: 'input',
    what: 'A BorderFirewall says something that its kind of firewall has no place for: credentials, TLS, objects to take over.',
    now: 'The firewall is not contacted and keeps what it holds, because its owner relies on something that would not happen.',
    fix: 'Remove the field; the message says what its driver does instead.',
  },
  DEVICE_SETTING_UNUSED: {
    blame: 'input',
    what: 'A BorderFirewall or an AddressGroup has a setting that its kind of firewall, or this version, makes no use of.',
    now: 'All else of the object counts.',
    fix: 'Remove the setting, or do without what it is for; the message says what that is.',
  },
  PROGRAM_MISSING: {
    blame: 'rejected',
    what: 'A program that the driver needs is not installed on the firewall (`nft`, `conntrack`, `ip` or `tcpdump`).',
    now: 'Nothing is written; what the firewall holds stays.',
    fix: 'Install the Debian packages `nftables`, `conntrack`, `iproute2` and `tcpdump` there, or their equals.',
  },
  PROGRAM_TOO_OLD: {
    blame: 'rejected',
    what: 'The `nft` program on the firewall is older than 1.0.6.',
    now: 'Nothing is written; what the firewall holds stays.',
    fix: 'Install nftables 1.0.6 or later.',
  },
  DEVICE_RIGHTS: {
    blame: 'rejected',
    what: 'The user on the firewall may not read or change its rules.',
    now: 'Nothing is written; what the firewall holds stays.',
    fix: 'Run as root, or with the capability CAP_NET_ADMIN in the network namespace of the firewall.',
  },
  DEVICE_BUSY: {
    blame: 'transient',
    what: 'Somebody else kept changing the rules of the device while they were read, or the kernel was short of something for a moment.',
    now: 'What was read in part is thrown away; the worker reads again after a pause.',
    fix: 'Nothing, if it passes. Otherwise find the writer: `nft monitor` names its process.',
  },
  DEVICE_CHANGED: {
    blame: 'conflict',
    what: 'What the transaction was made for is no longer on the device: somebody changed something of ours meanwhile.',
    now: 'The whole transaction is void; the worker reads the device again and plans anew.',
    fix: 'Nothing, if it passes. Otherwise find the other writer: the status names it where the device tells.',
  },
  DEVICE_LOCKED: {
    blame: 'conflict',
    what: 'Another process of Sallyport on this machine keeps the same firewall.',
    now: 'Nothing is written by this process until the other one ends.',
    fix: 'Run one Sallyport per firewall; the message names the process that holds the lock.',
  },
  TRANSACTION_TOO_LARGE: {
    blame: 'rejected',
    what: 'The kernel takes no transaction of this size from a user namespace (net.core.wmem_default limits it there).',
    now: 'Nothing of it is written and it is not cut in pieces; what the firewall holds stays.',
    fix: 'Run as real root, or raise net.core.wmem_default on the host, or use a smaller world.',
  },
  DEVICE_LIMIT: {
    blame: 'rejected',
    what: 'The kernel refused the rules because a limit was reached: too many jumps, a full set, no memory.',
    now: 'Nothing of it is written; what the firewall holds stays.',
    fix: 'The message holds the words of the kernel; use fewer tiers, or ask for help with the printed text.',
  },
  DEVICE_UNSUPPORTED: {
    blame: 'rejected',
    what: 'The kernel of the firewall lacks something that the rules need.',
    now: 'Nothing of it is written; what the firewall holds stays.',
    fix: 'Load the modules nf_tables, nft_ct, nft_nat, nft_log and nft_reject_inet, or use a kernel that has them.',
  },
  DEVICE_REJECTED: {
    blame: 'rejected',
    what: 'The firewall refused a transaction for a reason that Sallyport does not know.',
    now: 'Nothing of it is written; it is tried again only when something changes.',
    fix: 'The message holds the words of the device; please report it with them.',
  },
  DEVICE_UNREADABLE: {
    blame: 'rejected',
    what: 'What the firewall printed about its rules could not be understood.',
    now: 'Its state counts as unknown, never as empty; nothing is written.',
    fix: 'Please report it with the version of nft and the printed text.',
  },
  DOMAINS_UNSUPPORTED: {
    blame: 'input',
    what: 'A rule names domains, and the firewall cannot match domain names.',
    now: 'An Allow or Log rule is left out; a Deny or Pass rule denies whatever else of it matches.',
    fix: 'Write the networks in `nets`, or select network sets that hold them.',
  },
  CHAIN_DEPTH: {
    blame: 'input',
    what: 'An address that several workloads share is governed by more layers and tiers than nftables can nest chains.',
    now: 'The address is denied everything at this firewall.',
    fix: 'Repeat fewer tiers at the firewall, or give the workloads addresses of their own.',
  },
  DEVICE_OWNED: {
    blame: 'rejected',
    what: 'What bears our name on the device belongs to another cluster or another BorderFirewall, as its owner mark says.',
    now: 'Nothing is written; what the firewall holds stays.',
    fix: 'Give each BorderFirewall a device, or a network namespace, of its own; if the other owner is gone for good, remove its table.',
  },
} as const satisfies Codes;
