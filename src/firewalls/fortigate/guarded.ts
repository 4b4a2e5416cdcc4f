import { saysNothing } from './told.ts';

/**
 * Fields of policies beside those that we write which say whom a policy is for, when, in place of what, or what it lets through beside
 * that: of FortiOS 7.0 to 7.6, and whatever else their families will have. Each says nothing in a new policy. What only bears on others of them
 * (`reputation-direction`, `geoip-match`, `ztna-tags-match-logic`) has a word there from the start, and says nothing by itself.
 */
export const CHOOSES_FLOWS = new RegExp(
  `^(${[
    // Whom it is for.
    '(src|dst)addr6-negate|groups|users|fsso-groups|fsso-agent-for-ntlm|devices|src-vendor-mac|sgt|sgt-check|vlan-filter',
    'ntlm|ntlm-guest|auth-(cert|path|redirect-addr)|captive-portal-exempt|radius-mac-auth-bypass|disclaimer|email-collect',
    'tos|tos-mask|tos-negate|reputation-minimum6?|geoip-anycast|rtp-(nat|addr)|ztna-(?!tags-match-logic$).+',
    // What it is for in place of addresses and services.
    '(internet|network)-service.*|app-(category|group)|application|url-category',
    // When.
    'policy-expiry',
    // What else it lets through, or hands to others to decide.
    'match-vip|match-vip-only|permit-(any|stun)-host|pcp-(in|out)bound|tcp-session-without-syn',
    '(http|ssh)-policy-redirect|wccp|webproxy-forward-server|redirect-url|identity-based-route',
  ].join('|')})$`,
);

/** What says nothing, in the form of what is told. */
export function nothingLike(told: string | readonly string[]): string | readonly string[] {
  if (saysNothing(told)) return told;
  if (typeof told !== 'string') return [];
  if (told.startsWith('0x')) return '0x00';
  if (/^\d+$/.test(told)) return '0';
  return SWITCHED_ON.test(told) ? 'disable' : '';
}

const SWITCHED_ON = /^(enable|all|data-only)$/;
