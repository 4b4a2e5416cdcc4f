import { Configuration, GLOBAL } from './configuration.ts';
import { edit, type Rules } from './edit.ts';
import { defaults } from './read-entry.ts';
import { knownTable } from './tables/index.ts';

/** What stands around a device before anybody configures it. */
export interface Surroundings {
  /** The management VDOM first. */
  readonly vdoms: readonly string[];
  /** Interfaces by VDOM; the first VDOM has port1 to port4 if none are given. */
  readonly interfaces: readonly InterfaceGiven[];
}

export interface InterfaceGiven {
  readonly name: string;
  readonly vdom: string;
  /** `203.0.113.1 255.255.255.0` */
  readonly ip?: string;
  /** `2001:db8:9::1/64` */
  readonly ip6?: string;
}

const SERVICES: readonly object[] = [
  { name: 'ALL', protocol: 'IP' },
  { name: 'ALL_TCP', 'tcp-portrange': '1-65535' },
  { name: 'ALL_UDP', 'udp-portrange': '1-65535' },
  { name: 'ALL_ICMP', protocol: 'ICMP' },
  { name: 'ALL_ICMP6', protocol: 'ICMP6' },
  { name: 'PING', protocol: 'ICMP', icmptype: '8' },
  { name: 'HTTP', 'tcp-portrange': '80' },
  { name: 'HTTPS', 'tcp-portrange': '443' },
  { name: 'SSH', 'tcp-portrange': '22' },
  { name: 'SMTP', 'tcp-portrange': '25' },
  { name: 'NTP', 'tcp-portrange': '123', 'udp-portrange': '123' },
  { name: 'DNS', 'tcp-portrange': '53', 'udp-portrange': '53' },
];

const PROFILES: readonly (readonly [string, readonly string[]])[] = [
  ['firewall/ssl-ssh-profile', ['no-inspection', 'certificate-inspection', 'deep-inspection']],
  ['antivirus/profile', ['default']],
  ['webfilter/profile', ['default']],
  ['ips/sensor', ['default']],
  ['application/list', ['default']],
];

/** A device as it leaves the factory, in its surroundings. */
export function factoryConfiguration({ vdoms, interfaces }: Surroundings, rules: Rules): Configuration {
  const configuration = new Configuration();
  const put = (vdom: string, id: string, body: object): void => {
    edit(configuration, { kind: 'create', vdom, table: knownTable(id), body }, rules);
  };
  const single = (vdom: string, id: string, given: Readonly<Record<string, string>>): void =>
    configuration.set(vdom, id, '', { ...defaults(knownTable(id).fields, rules.release), ...given });
  single(GLOBAL, 'system/global', {
    hostname: rules.model.serial,
    'vdom-mode': vdoms.length > 1 ? 'multi-vdom' : 'no-vdom',
  });
  for (const name of vdoms) put(GLOBAL, 'system/vdom', { name });
  for (const one of interfaces) put(GLOBAL, 'system/interface', one);
  put(GLOBAL, 'system/accprofile', {
    name: 'super_admin',
    sysgrp: 'read-write',
    fwgrp: 'read-write',
    utmgrp: 'read-write',
  });
  put(GLOBAL, 'system/accprofile', {
    name: 'prof_admin',
    sysgrp: 'read-write',
    fwgrp: 'read-write',
    utmgrp: 'read-write',
  });
  // Somebody has to be let in first.
  put(GLOBAL, 'system/api-user', { name: 'api', accprofile: 'prof_admin' });
  for (const vdom of vdoms) {
    single(vdom, 'system/settings', {});
    put(vdom, 'firewall/address', { name: 'all', subnet: '0.0.0.0 0.0.0.0' });
    put(vdom, 'firewall/address', { name: 'none', subnet: '0.0.0.0 255.255.255.255' });
    put(vdom, 'firewall/address6', { name: 'all', ip6: '::/0' });
    put(vdom, 'firewall/address6', { name: 'none', ip6: '::/128' });
    for (const service of SERVICES) put(vdom, 'firewall.service/custom', service);
    put(vdom, 'firewall.service/group', {
      name: 'Web Access',
      member: [{ name: 'DNS' }, { name: 'HTTP' }, { name: 'HTTPS' }],
    });
    put(vdom, 'firewall.schedule/recurring', {
      name: 'always',
      day: 'sunday monday tuesday wednesday thursday friday saturday',
    });
    put(vdom, 'firewall.schedule/recurring', { name: 'none' });
    for (const [id, names] of PROFILES) for (const name of names) put(vdom, id, { name });
  }
  return configuration;
}
