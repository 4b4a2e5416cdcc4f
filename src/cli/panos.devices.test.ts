import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PanOs } from '../../simulators/panos/index.ts';
import { PanosPayments } from '../../test/kit/panos-payments.ts';
import { ACCOUNT, byHand, commitByHand, furnish, startDevice } from '../firewalls/panos/lab.fixture.ts';

let device: PanOs;
let payments: PanosPayments;

beforeAll(async () => {
  device = await startDevice();
  await furnish(device);
  byHand(device, 'set', "/profile-group/entry[@name='strict']", { element: '<virus><member>default</member></virus>' });
  byHand(device, 'set', "/log-settings/profiles/entry[@name='to-siem']", { element: '<match-list/>' });
  await commitByHand(device);
  payments = new PanosPayments(
    device,
    'edge-3',
    ['securityProfile: strict', 'logSetting: to-siem'],
    `apiVersion: sallyport.dev/v1alpha1
kind: SourceNAT
metadata: { name: bank-six }
spec:
  namespaceSelector: all()
  selector: app == 'payments'
  destination: { nets: ["2001:db8:9::/48"] }
  translate: { address: "2001:db8:ffff::20" }`,
  );
});
afterAll(async () => {
  payments.close();
  await device[Symbol.asyncDispose]();
});

// One story: each step needs the one before.
test('plan, apply, plan again, flow, leave', async () => {
  const bare = device.dump();
  const planned = await payments.run('plan');
  expect(planned.code, planned.text).toBe(2);
  expect(planned.text).not.toContain('go on, whatever');
  expect(planned.text).toContain('before ours: vsys1: first');
  expect(planned.text).toContain('after ours: vsys1: rest');
  expect(planned.text).toMatch(/SourceNAT\/bank-six: PAN-OS cannot say a source translation for IPv6.*NAT64 and NPTv6/);
  expect(device.dump()).toBe(bare);

  const applied = await payments.run('apply');
  expect(applied.code, applied.text).toBe(0);
  const set = device.dumpSetCommands();
  const rules = [...set.matchAll(/security rules (\S+) action/g)].map(([, name = '']) => name);
  expect([rules[0], rules.at(-1)]).toEqual(['first', 'rest']);
  expect(set).toMatch(/rules sp-payments-to-bank\.0-\S+ profile-setting group strict/);
  expect(set).not.toMatch(/rules sp-unknown-\S+ profile-setting/);
  for (const name of rules.slice(1, -1)) expect(set).toContain(`rules ${name} log-setting to-siem`);
  const flow = { source: '10.244.0.5', protocol: 'tcp', from: 'k8s', to: 'internet' } as const;
  expect(device.passes({ ...flow, destination: '203.0.113.7', destinationPort: 443 })).toMatchObject({
    verdict: 'pass',
    translation: { sources: ['198.51.100.20'] },
  });
  expect(device.passes({ ...flow, destination: '203.0.113.7', destinationPort: 80 }).verdict).not.toBe('pass');
  const six = { source: 'fd00:10::5', destination: '2001:db8:9::1', destinationPort: 443 };
  expect(device.passes({ ...flow, ...six }).verdict).not.toBe('pass');

  const again = await payments.run('plan');
  expect(again.code, again.text).toBe(0);

  // All rules together decide, whosever they are; what depends on who sends cannot be known.
  const answers = [await payments.flowToBank(443), await payments.flowToBank(80)];
  const staff = "/rulebase/security/rules/entry[@name='staff']";
  const said = async (element: string): Promise<void> => {
    byHand(device, 'edit', staff, { element: `<entry name="staff">${element}</entry>` });
    byHand(device, 'move', staff, { where: 'top' });
    await commitByHand(device);
  };
  const any = ['from', 'to', 'source', 'application', 'service']
    .map((part) => `<${part}><member>any</member></${part}>`)
    .join('');
  const bank = '<destination><member>203.0.113.0/24</member></destination>';
  await said(`${any}${bank}<source-user><member>staff</member></source-user><action>deny</action>`);
  answers.push(await payments.flowToBank(443), await payments.flowToBank(80));
  await said(
    `${any}<destination><member>theirs</member></destination><negate-destination>yes</negate-destination><action>drop</action>`,
  );
  answers.push(await payments.flowToBank(443));
  await said(
    `${any}${bank}<action>allow</action><profile-setting><group><member>strict</member></group></profile-setting>`,
  );
  answers.push(await payments.flowToBank(80));
  byHand(device, 'delete', staff);
  await commitByHand(device);
  expect(answers.map(({ code }) => code)).toEqual([0, 2, 1, 2, 2, 0]);
  await expect(answers.map(({ out }) => out).join('\n')).toMatchFileSnapshot('golden/flow-panos.txt');
  const rendered = await payments.run('render');
  expect(rendered.text).toContain('<translated-address><member>198.51.100.20</member>');

  const left = await payments.run('uninstall', 'edge-3', '--yes');
  expect(left.code, left.text).toBe(0);
  expect(device.dump()).toBe(bare);
  expect(payments.said).not.toContain(`${ACCOUNT.password}"`);
}, 120_000);
