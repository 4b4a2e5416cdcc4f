import { type Range, readAddress, writeAddress } from './addresses.ts';
import {
  type MonitorCall,
  type MonitorCalls,
  needed,
  neededText,
  neededTexts,
  paged,
  seconds,
} from './monitor-call.ts';
import { parameter, readJson, Refusal } from './request.ts';
import { textOf, wordOf } from './row.ts';
import { protocolNumber } from './service-match.ts';
import type { Session } from './sessions.ts';

const policyCounters: MonitorCall = {
  method: 'GET',
  right: 'fwgrp.policy',
  scope: 'vdom',
  answer: ({ live, request, vdom }) => {
    const asked = parameter(request, 'policyid');
    const open = live.sessions.list(vdom);
    return [...live.device.running.table(vdom, 'firewall/policy')]
      .filter(([id]) => asked === undefined || asked.split(',').includes(id))
      .map(([id, row]) => {
        const { hits, packets, bytes, first, last } = live.sessions.counter(vdom, 'firewall/policy', Number(id));
        return {
          policyid: Number(id),
          uuid: textOf(row, 'uuid'),
          active_sessions: open.filter(({ passage }) => passage.policy === Number(id)).length,
          hit_count: hits,
          packets,
          bytes,
          ...(hits === 0 ? {} : { first_used: first, last_used: last }),
        };
      });
  },
};

const centralSnatCounters: MonitorCall = {
  method: 'GET',
  right: 'fwgrp.policy',
  scope: 'vdom',
  answer: ({ live, request, vdom }) => {
    const asked = parameter(request, 'policyid');
    return [...live.device.running.table(vdom, 'firewall/central-snat-map')]
      .filter(([id]) => asked === undefined || asked === id)
      .map(([id, row]) => {
        const { hits, first, last } = live.sessions.counter(vdom, 'firewall/central-snat-map', Number(id));
        return {
          policyid: Number(id),
          uuid: textOf(row, 'uuid'),
          hit_count: hits,
          ...(hits === 0 ? {} : { first_used: first, last_used: last }),
        };
      });
  },
};

const policyLookup: MonitorCall = {
  method: 'GET',
  right: 'fwgrp.policy',
  scope: 'vdom',
  answer: ({ live, request, vdom }) => {
    const [source, destination] = [needed(request, 'sourceip'), needed(request, 'dest')];
    const protocol = protocolNumber(needed(request, 'protocol').replace(/^icmpv?6$/i, 'icmp6'));
    const from = needed(request, 'srcintf');
    const family = ['1', 'true'].includes(parameter(request, 'ipv6') ?? '') ? 6 : 4;
    if (protocol === undefined || readAddress(source)?.family !== family || readAddress(destination)?.family !== family)
      throw new Refusal(400, 'sourceip, dest and protocol do not go together', -10_002);
    const to = live.routeTo(vdom, destination);
    if (to === undefined) return { success: false, match: false, error_code: 'no route' };
    const port = parameter(request, 'destport');
    const found = live.passage({
      vdom,
      source,
      destination,
      protocol,
      from,
      to,
      ...(port === undefined ? {} : { destinationPort: Number(port) }),
    });
    return {
      success: true,
      match: found.policy !== 0,
      policy_id: found.policy,
      policy_action: found.verdict,
      dstintf: to,
    };
  },
};

const shown = ({ family, from, to }: Range): string =>
  from === to ? writeAddress(family, from) : `${writeAddress(family, from)}-${writeAddress(family, to)}`;

const dynamicAddresses = (table: string): MonitorCall => ({
  method: 'GET',
  right: 'fwgrp.address',
  scope: 'vdom',
  answer: ({ live, request, vdom }) =>
    paged(
      request,
      [...live.device.running.table(vdom, table)].filter(([, row]) => textOf(row, 'type') === 'dynamic'),
    ).map(([name, row]) => ({
      name,
      'sub-type': textOf(row, 'sub-type'),
      addresses: (live.dynamic.of(vdom, name) ?? []).map(shown),
    })),
});

const pools: MonitorCall = {
  method: 'GET',
  right: 'fwgrp.others',
  scope: 'vdom',
  answer: ({ live, vdom }) => {
    const open = live.sessions.list(vdom);
    return Object.fromEntries(
      [...live.device.running.table(vdom, 'firewall/ippool')].map(([name, row]) => {
        const [from, to] = [readAddress(textOf(row, 'startip')), readAddress(textOf(row, 'endip'))];
        const clients = new Set(
          open
            .filter(({ passage: { source } }) => source.kind === 'pool' && source.pools.includes(name))
            .map(({ flow }) => flow.source),
        );
        return [name, { natip_total: Number((to?.value ?? 0n) - (from?.value ?? 0n)) + 1, clients: clients.size }];
      }),
    );
  },
};

const clearPass = (action: 'add' | 'delete'): MonitorCall => ({
  method: 'POST',
  right: 'fwgrp.address',
  scope: 'vdom',
  answer: ({ live, request, vdom }) => {
    const body = readJson(request);
    const addresses = neededTexts(body, 'endpoint_ip');
    if (addresses.some((one) => readAddress(one)?.family !== 4))
      throw new Refusal(400, 'endpoint_ip is for IPv4', -10_002);
    live.dynamic.clearPass(vdom, action, neededText(body, 'spt'), addresses);
    return {};
  },
});

function sessionRow(session: Session, now: number): object {
  const { flow, passage, since, protocol } = session;
  const translated = passage.source.kind === 'pool' ? passage.source.ranges[0]?.split('-')[0] : undefined;
  return {
    proto: protocol,
    src: flow.source,
    sport: flow.sourcePort ?? 0,
    dst: flow.destination,
    dport: flow.destinationPort ?? 0,
    ...(translated === undefined ? {} : { snaddr: translated }),
    policyid: passage.policy,
    srcintf: flow.from,
    dstintf: flow.to,
    duration: seconds(now - since),
  };
}

/** Not in the reference: see docs/design/simulators.md. */
const sessions: MonitorCall = {
  method: 'GET',
  right: 'sysgrp.cfg',
  scope: 'vdom',
  answer: ({ live, request, vdom }) => {
    const wanted = {
      source: parameter(request, 'source'),
      destination: parameter(request, 'destination'),
      policyid: parameter(request, 'policyid'),
    };
    const found = live.sessions
      .list(vdom)
      .filter(
        ({ flow, passage }) =>
          (wanted.source === undefined || wanted.source === flow.source) &&
          (wanted.destination === undefined || wanted.destination === flow.destination) &&
          (wanted.policyid === undefined || Number(wanted.policyid) === passage.policy),
      );
    const now = live.clock.wall();
    return {
      summary: { matched_count: found.length },
      details: paged(request, found).map((one) => sessionRow(one, now)),
    };
  },
};

/** Not in the reference: ends the sessions that match everything that is named. */
const closeSession: MonitorCall = {
  method: 'POST',
  right: 'sysgrp.cfg',
  scope: 'vdom',
  answer: ({ live, request, vdom }) => {
    const body = readJson(request);
    const protocol = protocolNumber(neededText({ pro: wordOf(body['pro'] as string | number) }, 'pro'));
    const [source, destination] = [neededText(body, 'saddr'), neededText(body, 'daddr')];
    const port = (name: string): number => {
      const value = body[name];
      if (typeof value !== 'number' && !(typeof value === 'string' && /^\d+$/.test(value)))
        throw new Refusal(400, `${name} is missing`, -10_001);
      return Number(value);
    };
    const [sport, dport] = [port('sport'), port('dport')];
    live.sessions.end(
      vdom,
      (session) =>
        session.protocol === protocol &&
        session.flow.source === source &&
        session.flow.destination === destination &&
        (session.flow.sourcePort ?? 0) === sport &&
        (session.flow.destinationPort ?? 0) === dport,
    );
    return {};
  },
};

/** Not in the reference. */
const clearSessions: MonitorCall = {
  method: 'POST',
  right: 'sysgrp.cfg',
  scope: 'vdom',
  answer: ({ live, vdom }) => {
    live.sessions.end(vdom, () => true);
    return {};
  },
};

export const firewallCalls: MonitorCalls = {
  'firewall/policy': policyCounters,
  'firewall/central-snat-map': centralSnatCounters,
  'firewall/policy-lookup': policyLookup,
  'firewall/address-dynamic': dynamicAddresses('firewall/address'),
  'firewall/address6-dynamic': dynamicAddresses('firewall/address6'),
  'firewall/ippool': pools,
  'firewall/clearpass-address/add': clearPass('add'),
  'firewall/clearpass-address/delete': clearPass('delete'),
  'firewall/session': sessions,
  'firewall/session/close': closeSession,
  'firewall/session/clear_all': clearSessions,
};
