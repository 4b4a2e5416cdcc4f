import type { Codes } from './entry.ts';

/** Codes of plans, guards and workers, the same for every kind of border firewall. */
export const workerCodes = {
  DEVICE_CANNOT_SAY: {
    blame: 'input',
    what: 'A rule needs something that this kind of firewall cannot say.',
    now: 'The rule is left out if it allows, and denies everything in its place if it denies or passes on; all other rules are in force.',
    fix: 'Write the rule in other terms, or keep it off this firewall with `firewalls`.',
  },
  FLAT_LIMIT: {
    blame: 'input',
    what: 'For a firewall without jumps, the policies of some workloads would take more rules than any such firewall holds.',
    now: 'The addresses that are named by class are denied everything at this firewall; all others are served.',
    fix: 'Use fewer rules with Pass, repeat fewer tiers there, or give workloads that share addresses their own.',
  },
  FLAT_NOT_PROVED: {
    blame: 'rejected',
    what: 'The rules for a firewall without jumps could not be proved to allow exactly what the policies allow.',
    now: 'They are not sent; what the firewall holds stays.',
    fix: 'If the message says that a limit was reached, use fewer rules with Pass. If it shows a flow, please report it: Sallyport is wrong.',
  },
  FLAT_PENDING: {
    blame: 'transient',
    what: 'The rules for a firewall without jumps are still being worked out and proved.',
    now: 'Nothing is sent until they are; what the firewall holds stays.',
    fix: 'Nothing, if it passes.',
  },
  GROUP_FORM: {
    blame: 'input',
    what: 'An AddressGroup is to be a feed or a tag, and this kind of firewall has no such thing.',
    now: 'The group stays as the firewall holds it; where it holds none, it is empty.',
    fix: 'Write `as: Auto` or `as: Group`, or keep the group off this firewall with `firewalls`.',
  },
  ADDRESS_TAGS: {
    blame: 'input',
    what: 'An address is in more AddressGroups than the firewall takes tags of one address.',
    now: 'It is in those that come first by name, and in none of the others, which its pod waits for where readiness is asked for; rules, all other addresses and these groups go on.',
    fix: 'Write `as: Group` for some of these AddressGroups, or let fewer of them select it.',
  },
  GUARD_MEMORY: {
    blame: 'rejected',
    what: 'What the guard of a firewall must not forget over a restart is there and cannot be read whole: it was damaged, edited, or written by another version or for another firewall.',
    now: 'For an hour every change waits for a yes that takes traffic from, or gives it to, workloads that were known before. What concerns new workloads and addresses that were given up goes ahead. The memory is written anew.',
    fix: 'Nothing, or say yes to the plan that waits. If it happens again, look at the disk of the state folder.',
  },
  CAPACITY: {
    blame: 'rejected',
    what: 'The firewall does not hold as many objects, members, rules or translations as would be needed; it was asked before anything was sent.',
    now: 'Nothing of the change is sent, but addresses that were given up leave. What the firewall holds stays.',
    fix: 'The message says what is short, how many are needed and how many fit, and what else can be chosen. Use fewer rules, `options.layout: Group`, fewer workloads at this firewall, or a larger one.',
  },
  LISTS_BEHIND: {
    blame: 'transient',
    what: 'A list that the firewall fetches by itself does not hold what is wanted, or the firewall does not tell what it holds.',
    now: 'Who has left the list may pass by it until the firewall has fetched it; who is new in it may not yet. It was asked to fetch it, and nothing that rests on it is confirmed.',
    fix: 'Nothing, if its server answers: it fetches lists every five minutes at best. Else look at the address, user name, password and certificate profile of the list on the firewall, and at `status.lists` of whoever gives it out.',
  },
  NAME_TAKEN: {
    blame: 'rejected',
    what: 'Something on the firewall that is not ours has the name of an AddressGroup, or of something that our rules need.',
    now: 'It stays as it is, and what would have its name is not there; all else is in force.',
    fix: 'Write the name into `adopt` of the BorderFirewall to take it over with what it holds, or give the AddressGroup another `name`.',
  },
  NOT_THE_WRITER: {
    blame: 'conflict',
    what: 'This copy of Sallyport does not hold the lock of the firewall, or its lock was about to run out.',
    now: 'It writes nothing; the copy that holds the lock does.',
    fix: 'Nothing. If no copy holds it, look at the Lease or lock file that the message names.',
  },
  NOBODY_THERE: {
    blame: 'rejected',
    what: 'The address of the firewall means the machine that Sallyport runs on (`local`, `netns:…`), and no copy that runs may use nft on its machine.',
    now: 'No copy takes its Lease, so nobody follows it; the device keeps what it holds: what is released stays allowed, and nothing new gets in.',
    fix: 'Run Sallyport on the firewall machine, with CAP_NET_ADMIN (`examples/deploy/on-the-firewall`), or let it be reached by ssh. The log of each copy says why nft cannot be used where it is.',
  },
  RIVAL_WRITER: {
    blame: 'rejected',
    what: 'Another Sallyport with the same `cluster` writes other rules to the same firewall, and the two undo each other’s work.',
    now: 'Each overrules the other with growing pauses, ten minutes at the longest; between them the firewall holds what the other one wrote.',
    fix: 'Give one installation another `cluster`, or take the BorderFirewall out of it. Copies of one installation share their Leases: check that both reach the same API server and namespace.',
  },
  NOT_KEPT: {
    blame: 'rejected',
    what: 'The firewall accepted changes and does not show them when it is read back.',
    now: 'The worker stops repeating them and tries again with growing pauses.',
    fix: 'Look for another program that writes to the same rules; `sallyport plan` shows what is missing.',
  },
  PLAN_LAPSED: {
    blame: 'input',
    what: 'The digest names no plan that waits: the wanted or the actual state changed since it was printed, or an hour went by.',
    now: 'Nothing is written for it.',
    fix: 'Run `sallyport plan` again, read it, and approve the digest that it prints.',
  },
  MODE_OBSERVE: {
    blame: 'input',
    what: 'The firewall is in mode Observe, in which nothing is ever written to it.',
    now: 'It stays as it is.',
    fix: 'Set `mode: Enforce` or `mode: Approve` on the BorderFirewall first.',
  },
} as const satisfies Codes;
