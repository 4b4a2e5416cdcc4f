import { describe, expect, test } from 'vitest';
import { rules } from './client.fixture.ts';
import { DONE, device } from './config.fixture.ts';

describe('what an object may be', () => {
  const too = (length: number): string => 'x'.repeat(length);
  test.each([
    ["address/entry[@name='a']", '<ip-netmask>10.0.0.256</ip-netmask>', "'10.0.0.256' is invalid"],
    ["address/entry[@name='a']", '<ip-netmask>010.0.0.1</ip-netmask>', 'is invalid'],
    ["address/entry[@name='a']", '<ip-netmask>10.0.0.1/33</ip-netmask>', 'is invalid'],
    ["address/entry[@name='a']", '<ip-range>10.0.0.9-10.0.0.1</ip-range>', 'is invalid'],
    ["address/entry[@name='a']", '<ip-wildcard>2001:db8::1/0.0.0.255</ip-wildcard>', 'is invalid'],
    ["address/entry[@name='a']", `<fqdn>${too(256)}</fqdn>`, 'at most 255 characters, but current length: 256'],
    ["address/entry[@name='a']", '<fqdn></fqdn>', 'too short'],
    ["address/entry[@name='a']", `<description>${too(1024)}</description>`, 'at most 1023'],
    ["address/entry[@name='a']", '<colour>red</colour>', 'address -> a -> colour unexpected here'],
    ["address/entry[@name='a']", '<tag>loose text</tag>', 'holds no text'],
    ["address/entry[@name='a']", '<ip-netmask><x/></ip-netmask>', 'holds no elements'],
    [
      "address/entry[@name='a']",
      '<ip-netmask>10.0.0.1</ip-netmask><ip-netmask>10.0.0.2</ip-netmask>',
      'already in use',
    ],
    [`address/entry[@name='${too(64)}']`, '<ip-netmask>10.0.0.1</ip-netmask>', 'at most 63'],
    ["address/entry[@name='-a']", '<ip-netmask>10.0.0.1</ip-netmask>', 'not a valid name'],
    ["address/entry[@name='a:b']", '<ip-netmask>10.0.0.1</ip-netmask>', 'not a valid name'],
    ["address-group/entry[@name='g']", `<dynamic><filter>'${too(2047)}'</filter></dynamic>`, 'at most 2047'],
    ["address-group/entry[@name='g']", "<dynamic><filter>'a' and</filter></dynamic>", 'is invalid'],
    ["address-group/entry[@name='g']", "<dynamic><filter>('a'</filter></dynamic>", 'is invalid'],
    [`tag/entry[@name='${too(128)}']`, '<comments>x</comments>', 'at most 127'],
    ["tag/entry[@name='t']", '<color>color18</color>', 'is invalid'],
    ["tag/entry[@name='t']", '<color>color43</color>', 'is invalid'],
    ["tag/entry[@name='t']", `<comments>${too(1024)}</comments>`, 'at most 1023'],
    ["service/entry[@name='s']", '<protocol><tcp><port>70000</port></tcp></protocol>', 'is invalid'],
    ["service/entry[@name='s']", '<protocol><tcp><port>90-80</port></tcp></protocol>', 'is invalid'],
    ["service/entry[@name='s']", `<protocol><tcp><port>${'1,'.repeat(512)}1</port></tcp></protocol>`, 'at most 1023'],
    ["service/entry[@name='s']", '<protocol><icmp><port>1</port></icmp></protocol>', 'unexpected here'],
    [`external-list/entry[@name='${too(33)}']`, '<type/>', 'at most 32'],
    ["external-list/entry[@name='e']", `<type><ip><url>https://${too(256)}</url></ip></type>`, 'at most 255'],
    ["external-list/entry[@name='e']", '<type><ip><url>ftp://x</url></ip></type>', 'is invalid'],
    ["external-list/entry[@name='e']", '<type><ip><recurring><minute/></recurring></ip></type>', 'unexpected here'],
    [`${rules}/entry[@name='r']`, '<action>permit</action>', 'not an allowed keyword'],
    [`${rules}/entry[@name='r']`, '<disabled>true</disabled>', 'not an allowed keyword'],
    [`${rules}/entry[@name='r']`, `<description>${too(1025)}</description>`, 'at most 1024'],
    [`${rules}/entry[@name='r']`, `<group-tag>${too(128)}</group-tag>`, 'at most 127'],
    [`${rules}/entry[@name='${too(64)}']`, '<action>allow</action>', 'at most 63'],
    ["rulebase/nat/rules/entry[@name='n']", '<nat-type>ipv6</nat-type>', 'not an allowed keyword'],
    [
      "rulebase/nat/rules/entry[@name='n']",
      '<source-translation><dynamic-ip-and-port><interface-address><interface>' +
        too(32) +
        '</interface></interface-address></dynamic-ip-and-port></source-translation>',
      'at most 31',
    ],
  ])('%s does not hold %s', async (place, content, why) => {
    await using firewall = await device();
    const before = firewall.candidate();
    const answer = firewall.set(place, content);
    expect(answer).toContain('error 12');
    expect(answer).toContain(why);
    expect(firewall.candidate()).toBe(before);
  });

  test.each([
    ["address/entry[@name='a']", '<ip-netmask>2001:db8::/32</ip-netmask>'],
    ["address/entry[@name='a']", '<ip-netmask>::ffff:10.0.0.1</ip-netmask>'],
    ["address/entry[@name='a']", '<ip-range>2001:db8::1-2001:db8::9</ip-range>'],
    ["address/entry[@name='a']", '<ip-wildcard>10.0.0.1/0.0.255.0</ip-wildcard>'],
    [`address/entry[@name='${too(63)}']`, '<fqdn>db.example.com</fqdn>'],
    ["address-group/entry[@name='g']", `<dynamic><filter>'k8s.web' and ('prod' or "x")</filter></dynamic>`],
    [`tag/entry[@name='${too(127)}']`, '<color>color42</color>'],
    [
      "service/entry[@name='s']",
      '<protocol><udp><port>53,1000-2000</port><source-port>1-65535</source-port></udp></protocol>',
    ],
  ])('%s holds %s', async (place, content) => {
    await using firewall = await device();
    expect(firewall.set(place, content)).toBe(DONE);
  });
});
