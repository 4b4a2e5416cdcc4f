import { parseNetmask, parseRange, parseWildcard } from './addresses.ts';
import { parseFilter } from './filter.ts';
import { choice, entries, folder, list, opaque, type Shape, text, type TextRule, yesNo } from './shape.ts';

/** Letters, digits, `.`, `_`, `-`, space; first a letter or digit (reference 1.6; the strict reading of what the GUI says). */
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9._ -]*$/;
const named = (max: number): TextRule => ({ max, accepts: (given) => PLAIN.test(given) });
const objectName = named(63);
const tagName = named(127);
/** Of documents for 7.1, and not known for newer ones: the stricter reading. */
const externalListName = named(32);

const description = text({ max: 1023 });
const tags = list({ refers: 'tag', max: 127 });

function isPorts(given: string): boolean {
  return given.split(',').every((part) => {
    const found = /^(0|[1-9][0-9]{0,4})(?:-(0|[1-9][0-9]{0,4}))?$/.exec(part);
    const low = Number(found?.[1] ?? -1);
    const high = Number(found?.[2] ?? low);
    return found !== null && low <= high && high <= 65535;
  });
}
const ports = text({ max: 1023, accepts: isPorts });

const address = folder(
  {
    'ip-netmask': text({ accepts: (given) => parseNetmask(given) !== undefined }),
    'ip-range': text({ accepts: (given) => parseRange(given) !== undefined }),
    'ip-wildcard': text({ accepts: (given) => parseWildcard(given) !== undefined }),
    fqdn: text({ min: 1, max: 255, accepts: (given) => /^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(given) }),
    description,
    tag: tags,
    'disable-override': yesNo,
  },
  {
    exclusive: [['ip-netmask', 'ip-range', 'ip-wildcard', 'fqdn']],
    required: [['ip-netmask', 'ip-range', 'ip-wildcard', 'fqdn']],
  },
);

const addressGroup = folder(
  {
    static: list({ refers: 'address' }, 1),
    dynamic: folder(
      { filter: text({ min: 1, max: 2047, accepts: (given) => parseFilter(given) !== undefined }) },
      { required: [['filter']] },
    ),
    description,
    tag: tags,
    'disable-override': yesNo,
  },
  { exclusive: [['static', 'dynamic']], required: [['static', 'dynamic']] },
);

const isColour = (given: string): boolean => {
  const number = Number(/^color([1-9][0-9]?)$/.exec(given)?.[1] ?? 0);
  return number >= 1 && number <= 42 && number !== 18;
};
const tag = folder({ color: text({ accepts: isColour }), comments: text({ max: 1023 }), 'disable-override': yesNo });

const transport = folder({ port: ports, 'source-port': ports, override: opaque }, { required: [['port']] });
const service = folder(
  {
    protocol: choice({ tcp: transport, udp: transport, sctp: transport }),
    description,
    tag: tags,
    'disable-override': yesNo,
  },
  { required: [['protocol']] },
);
const serviceGroup = folder(
  { members: list({ refers: 'service' }, 1), tag: tags, 'disable-override': yesNo },
  { required: [['members']] },
);

const hour = text({ accepts: (given) => /^([01][0-9]|2[0-3])$/.test(given) });
const recurring = choice({
  'five-minute': folder({}),
  hourly: folder({}),
  daily: folder({ at: hour }),
  weekly: folder({
    'day-of-week': text({ words: ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] }),
    at: hour,
  }),
  monthly: folder({ 'day-of-month': text({ accepts: (given) => /^([1-9]|[12][0-9]|3[01])$/.test(given) }), at: hour }),
});
const fetched = folder(
  {
    url: text({ min: 1, max: 255, accepts: (given) => /^https?:\/\/[^\s]+$/.test(given) }),
    description: text({ max: 255 }),
    'certificate-profile': text({ refers: 'certificate-profile' }),
    auth: folder(
      { username: text({ min: 1, max: 255 }), password: text({ min: 1, max: 255 }) },
      { required: [['username'], ['password']] },
    ),
    recurring,
    'exception-list': list({}),
  },
  { required: [['url'], ['recurring']] },
);
const externalList = folder(
  {
    type: choice({
      ip: fetched,
      domain: fetched,
      url: fetched,
      imei: fetched,
      imsi: fetched,
      'predefined-ip': opaque,
      'predefined-url': opaque,
    }),
    'disable-override': yesNo,
  },
  { required: [['type']] },
);

/** What both kinds of rules have besides what they match. */
const ruleParts = {
  disabled: yesNo,
  tag: tags,
  'group-tag': text({ max: 127, refers: 'tag' }),
  description: text({ max: 1024 }),
  target: folder({
    devices: entries(folder({ vsys: entries(folder({}), {}) }), {}),
    negate: yesNo,
    tags: list({}),
  }),
};

const securityRule = folder(
  {
    from: list({ refers: 'zone' }, 1),
    to: list({ refers: 'zone' }, 1),
    source: list({ refers: 'source address' }, 1),
    destination: list({ refers: 'source address' }, 1),
    'source-user': list({}, 1),
    application: list({ accepts: (given) => /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(given) }, 1),
    service: list({ refers: 'service' }, 1),
    category: list({}, 1),
    'source-hip': list({}, 1),
    'destination-hip': list({}, 1),
    'negate-source': yesNo,
    'negate-destination': yesNo,
    'log-start': yesNo,
    'log-end': yesNo,
    action: text({ words: ['allow', 'deny', 'drop', 'reset-client', 'reset-server', 'reset-both'] }),
    // Not in the reference; the vendor's own client always sends it.
    'icmp-unreachable': yesNo,
    'rule-type': text({ words: ['universal', 'intrazone', 'interzone'] }),
    'log-setting': text({ max: 63, refers: 'log-profile' }),
    schedule: text({ refers: 'schedule' }),
    'profile-setting': folder(
      { group: list({ refers: 'profile-group' }), profiles: opaque },
      { exclusive: [['group', 'profiles']] },
    ),
    option: folder({ 'disable-server-response-inspection': yesNo }),
    ...ruleParts,
  },
  {
    required: [['from'], ['to'], ['source'], ['destination'], ['application'], ['service'], ['action']],
  },
);

const interfaceAddress = folder(
  { interface: text({ max: 31 }), ip: text({}), 'floating-ip': text({}) },
  { exclusive: [['ip', 'floating-ip']], required: [['interface']] },
);
const pool = list({ refers: 'address' }, 1);
const natRule = folder(
  {
    'nat-type': text({ words: ['ipv4', 'nat64', 'nptv6'] }),
    from: list({ refers: 'zone' }, 1),
    to: list({ refers: 'zone' }, 1, 1),
    'to-interface': text({ max: 31 }),
    source: list({ refers: 'source address' }, 1),
    destination: list({ refers: 'source address' }, 1),
    service: text({ max: 63, refers: 'service' }),
    'source-translation': choice({
      'dynamic-ip-and-port': choice({ 'translated-address': pool, 'interface-address': interfaceAddress }),
      'dynamic-ip': folder(
        {
          'translated-address': pool,
          fallback: choice({ 'translated-address': pool, 'interface-address': interfaceAddress }),
        },
        { required: [['translated-address']] },
      ),
      'static-ip': folder(
        { 'translated-address': text({ refers: 'address' }), 'bi-directional': yesNo },
        { required: [['translated-address']] },
      ),
    }),
    ...ruleParts,
  },
  { required: [['from'], ['to'], ['source'], ['destination'], ['service']] },
);

const rulebase = folder({
  security: folder({ rules: entries(securityRule, objectName, true) }),
  nat: folder({ rules: entries(natRule, objectName, true) }),
});

const zone = folder({
  network: folder(
    {
      layer3: list({}),
      layer2: list({}),
      'virtual-wire': list({}),
      tap: list({}),
      tunnel: folder({}),
      external: list({}),
      'log-setting': text({ max: 63 }),
      'zone-protection-profile': text({}),
      'enable-packet-buffer-protection': yesNo,
    },
    { exclusive: [['layer3', 'layer2', 'virtual-wire', 'tap', 'tunnel', 'external']] },
  ),
  'enable-user-identification': yesNo,
  'enable-device-identification': yesNo,
  'user-acl': opaque,
  'device-acl': opaque,
});

const objects: Readonly<Record<string, Shape>> = {
  address: entries(address, objectName),
  'address-group': entries(addressGroup, objectName),
  tag: entries(tag, tagName),
  service: entries(service, objectName),
  'service-group': entries(serviceGroup, objectName),
  'external-list': entries(externalList, externalListName),
  'profile-group': entries(opaque, objectName),
  'log-settings': folder({ profiles: entries(opaque, objectName) }),
  schedule: entries(opaque, objectName),
};
const zones = { zone: entries(zone, named(31)) };
const sharedObjects = { ...objects, 'certificate-profile': entries(opaque, objectName) };
const vsysName: TextRule = { accepts: (given) => /^vsys[1-9][0-9]{0,2}$/.test(given) };
const deviceName: TextRule = {
  words: ['localhost.localdomain'],
  accepts: (given) => given === 'localhost.localdomain',
};
const serial: TextRule = { accepts: (given) => /^[0-9A-Za-z]{1,15}$/.test(given) };

const device = (children: Readonly<Record<string, Shape>>): Shape =>
  entries(folder({ ...children, network: opaque, deviceconfig: opaque, platform: opaque }), deviceName);

/** The configuration of a firewall (reference 1.5, 1.6). */
export const firewallSchema = folder({
  shared: folder(sharedObjects),
  devices: device({
    vsys: entries(folder({ ...objects, ...zones, rulebase, 'display-name': text({ max: 31 }) }), vsysName),
  }),
  'mgt-config': opaque,
});

const template = folder({
  description: text({ max: 255 }),
  settings: opaque,
  config: folder({
    shared: opaque,
    devices: device({ vsys: entries(folder({ ...zones, 'display-name': text({ max: 31 }) }), vsysName) }),
  }),
});

/** The configuration of a Panorama. */
export const panoramaSchema = folder({
  shared: folder({ ...sharedObjects, 'pre-rulebase': rulebase, 'post-rulebase': rulebase }),
  devices: device({
    'device-group': entries(
      folder({
        ...objects,
        'pre-rulebase': rulebase,
        'post-rulebase': rulebase,
        devices: entries(folder({ vsys: entries(folder({}), vsysName) }), serial),
        'reference-templates': list({}),
        description: text({ max: 255 }),
      }),
      objectName,
    ),
    template: entries(template, objectName),
    'template-stack': entries(
      folder({
        description: text({ max: 255 }),
        templates: list({}),
        devices: entries(folder({}), serial),
        settings: opaque,
        config: opaque,
      }),
      objectName,
    ),
  }),
  'mgt-config': opaque,
});
