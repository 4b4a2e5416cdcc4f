import type { Flow } from '../../engine/flows/flow-set.ts';
import { type Truth, allOf, anyOf, doubt, not } from '../passage/truth.ts';
import type { Place, Places } from './places.ts';
import { type ToldRow, isOn, saysNothing, toldNames, toldText } from './told.ts';

/** What policies are asked about, and with what. */
export interface PolicyQuestion {
  readonly flow: Flow;
  readonly from: Place;
  readonly to: Place;
  readonly places: Places;
  readonly isSource: (name: string) => Truth;
  readonly isDestination: (name: string) => Truth;
  readonly isService: (name: string) => Truth;
}

/** Fields that are looked at one by one, below. */
const ASKED: ReadonlySet<string> = new Set([
  'status',
  'srcintf',
  'dstintf',
  'srcaddr',
  'dstaddr',
  'srcaddr6',
  'dstaddr6',
  'srcaddr-negate',
  'dstaddr-negate',
  'srcaddr6-negate',
  'dstaddr6-negate',
  'service',
  'service-negate',
  'schedule',
  'action',
  'nat46',
  'nat64',
]);

/** Fields that say what is done with a flow once the policy has matched it, or what people read. */
const DONE_WITH_IT =
  /^(policyid|q_origin_key|name|uuid(-idx)?|comments|label|global-label|custom-log-fields|replacemsg-override-group|block-notification|send-deny-packet|timeout-send-rst|logtraffic(-start)?|capture-packet|utm-status|inspection-mode|profile-(type|group|protocol-options)|(av|webfilter|dnsfilter|emailfilter|videofilter|file-filter|ssl-ssh|voip|waf|icap|cifs|ssh-filter|sctp-filter|dlp|casb|virtual-patch|diameter-filter)-profile|(ips|dlp)-sensor|ips-voip-filter|application-list|auto-asic-offload|np-acceleration|dsri|anti-replay|session-ttl|firewall-session-dirty|delay-tcp-npu-session|traffic-shaper(-reverse)?|per-ip-shaper|dynamic-shaping|passive-wan-health-measurement|nat|natip|ippool|poolname6?|fixedport|port-preserve|port-random|permit-any-host|permit-stun-host|pcp-(inbound|outbound|poolname)|match-vip|vlan-cos-(fwd|rev)|diffserv-(copy|forward|reverse)|diffservcode-(forward|rev)|tcp-mss-(sender|receiver)|wanopt-(detection|passive-opt)|reputation-direction6?|geoip-match|ztna-tags-match-logic|natinbound|natoutbound|inbound|outbound|vpntunnel)$/;

/** Who a policy is for beside addresses, services and interfaces. */
const USERS = /^(groups|users|fsso-groups|auth-path|ntlm.*|fsso-agent-for-ntlm)$/;
/** What it is for in place of them. */
const SETS = /^(internet|network)-service/;
const OF_SETS = 'it is for services of the internet that the vendor lists';

/** Whether a policy matches a flow that comes and goes by these interfaces (vendor reference 1.6). */
export function policyMatches(row: ToldRow, question: PolicyQuestion): Truth {
  const { places, from, to, isService } = question;
  if (toldText(row, 'status') === 'disable') return false;
  const ends: (() => Truth)[] = [
    () => places.hold(toldNames(row, 'srcintf'), from),
    () => places.hold(toldNames(row, 'dstintf'), to),
  ];
  // A policy for sets of the vendor names no addresses and services in their place.
  if (Object.entries(row).some(([field, value]) => SETS.test(field) && !saysNothing(value)))
    return allOf([...ends, () => doubt(OF_SETS)]);
  const schedule = toldText(row, 'schedule');
  return allOf([
    ...ends,
    () => addressesHold(row, 'srcaddr', question),
    () => addressesHold(row, 'dstaddr', question),
    () => {
      const held = anyOf(toldNames(row, 'service').map((name) => () => isService(name)));
      return isOn(row, 'service-negate') ? not(held) : held;
    },
    () => (schedule === 'always' ? true : doubt(`it is for times (${schedule})`)),
    ...otherConditions(row).map((text) => (): Truth => doubt(text)),
  ]);
}

/** Whether it lets through what it matches. */
export function policyAllows(row: ToldRow): Truth {
  const action = toldText(row, 'action');
  if (action === 'deny') return false;
  if (action !== 'accept') return doubt(`what its action ${action} does with the flow is not known`);
  const translates = ['nat46', 'nat64'].find((field) => isOn(row, field));
  return translates === undefined ? true : doubt(`it translates between families (${translates})`);
}

function addressesHold(row: ToldRow, field: 'srcaddr' | 'dstaddr', question: PolicyQuestion): Truth {
  const isSix = question.flow.family === 6;
  const names = toldNames(row, isSix ? `${field}6` : field);
  const isOne = field === 'srcaddr' ? question.isSource : question.isDestination;
  if (names.length === 0) return false;
  const held = anyOf(names.map((name) => () => isOne(name)));
  if (!isSix) return isOn(row, `${field}-negate`) ? not(held) : held;
  const negation = [`${field}-negate`, `${field}6-negate`].find((one) => isOn(row, one));
  return negation === undefined ? held : doubt(`whether \`${negation}\` counts for IPv6 is not known`);
}

/** Fields that say more than a default does, and of which it is not known that they say nothing about who is matched. */
function otherConditions(row: ToldRow): readonly string[] {
  const texts = Object.entries(row)
    .filter(([field, value]) => !ASKED.has(field) && !DONE_WITH_IT.test(field) && !saysNothing(value))
    .map(([field]) => (USERS.test(field) ? 'it is for users' : `what its field \`${field}\` says is not known`));
  return [...new Set(texts)];
}
