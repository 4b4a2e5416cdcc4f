import type { Dialect } from '../../rulebase/dialect.ts';

/** Addresses of one message (reference 1.8). */
export const PORTION = 500;

/** Sessions are asked for by addresses, and no filter that is known says of which vsys. */
export const SEVERAL_VSYS =
  'sessions of a firewall with several vsys are not ended, for an address may be in more than one of them: connections that a change no longer allows go on, whatever `established` says';

/** Where registered addresses do not fit. */
const OTHERWISE =
  'Write `options.members: Group`, which registers none and commits each change; or let rules of people go by AddressGroups with `as: Feed`, which are lists that the device fetches (`options.lists`)';

/** What PAN-OS can say, by reference 1.6 and 1.8. `device`: for people. `members`: whether its owner lets us register addresses. */
export function panosDialect(device: string, members: 'Tag' | 'Group' = 'Tag'): Dialect {
  return {
    device,
    text: {
      alphabet: /[A-Za-z0-9._-]/,
      object: 63,
      group: 63,
      volatileGroup: 63,
      // Parts of a service have its name and a protocol's.
      service: 58,
      rule: 63,
      translation: 63,
      mark: 200,
      comment: 700,
    },
    ...(members === 'Tag'
      ? { volatile: { form: 'Tag', portion: PORTION, mixed: true, membersFirst: true, otherwise: OTHERWISE } }
      : {}),
    mixedGroups: true,
    ranges: true,
    // Which addresses an object with a name stands for, and since when, is the device's own.
    domains: 'Exact',
    logRules: false,
    // All other protocols are a matter of applications there, which are told by looking at traffic. A port expression has 1023 characters.
    services: { protocols: [6, 17, 132], sourcePorts: true, icmp: 'Whole', parts: 100, ranges: 85 },
    translatesBy: 'Table',
    translates: { 4: true, 6: 'a source translation for IPv6: it has NAT64 and NPTv6 alone' },
    // One commit for everything: it takes a minute, whatever is in it.
    transaction: Number.POSITIVE_INFINITY,
    slowMs: 120_000,
  };
}
