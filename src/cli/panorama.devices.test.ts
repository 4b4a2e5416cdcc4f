import { afterAll, beforeAll, expect, test } from 'vitest';
import { PanosPayments } from '../../test/kit/panos-payments.ts';
import { ACCOUNT } from '../firewalls/panos/lab.fixture.ts';
import { type Border, SERIALS, startBorder } from '../firewalls/panos/panorama/lab.fixture.ts';

let border: Border;
let payments: PanosPayments;

beforeAll(async () => {
  border = await startBorder();
  payments = new PanosPayments(
    border.panorama,
    'edges',
    ['deviceGroup: edge', 'securityProfile: none'],
    `apiVersion: sallyport.dev/v1alpha1
kind: AddressGroup
metadata: { name: payments }
spec: { namespaceSelector: all(), selector: app == 'payments' }`,
  );
});
afterAll(async () => {
  payments.close();
  await border[Symbol.asyncDispose]();
});

/** What each firewall does with a packet of the pod. */
function passages(destinationPort: number): readonly (readonly [string, readonly string[] | undefined])[] {
  const flow = { source: '10.244.0.5', destination: '203.0.113.7', protocol: 'tcp' } as const;
  return border.firewalls.map((firewall) => {
    const { verdict, translation } = firewall.passes({ ...flow, destinationPort, from: 'k8s', to: 'internet' });
    return [verdict, translation?.sources];
  });
}

// One story: each step needs the one before.
test('plan, apply, plan again, flow, doctor, leave', async () => {
  const { panorama, firewalls } = border;
  const dumps = (): readonly string[] => [panorama, ...firewalls].map((one) => one.dump());
  const bare = dumps();
  const isAboutSessions = (parameters: ReadonlyMap<string, string>): boolean =>
    parameters.get('target') === SERIALS[1] && parameters.get('cmd')?.startsWith('<show><session>') === true;
  panorama.faults.next({ kind: 'refused', code: 17, text: ' session unexpected here' }, { matches: isAboutSessions });
  const planned = await payments.run('plan');
  expect(planned.code, planned.text).toBe(2);
  expect(planned.text).toMatch(
    /note: edges: edge-2 \(007951000000002\): connections .* go on, .*session unexpected here/,
  );
  expect(planned.text).toMatch(/before ours: .*first/);
  expect(dumps()).toEqual(bare);

  const applied = await payments.run('apply');
  expect(applied.code, applied.text).toBe(0);
  for (const told of passages(443)) expect(told).toEqual(['pass', ['198.51.100.20']]);
  for (const [verdict] of passages(80)) expect(verdict).not.toBe('pass');
  // Members are registered at each firewall, by its serial.
  for (const firewall of firewalls) expect(firewall.dumpRegistered()).toMatch(/^10\.244\.0\.5 .*\.payments/m);

  const again = await payments.run('plan');
  expect(again.code, again.text).toBe(0);
  const answers = [await payments.flowToBank(443), await payments.flowToBank(80)];
  expect(answers.map(({ code }) => code)).toEqual([0, 2]);
  await expect(answers.map(({ out }) => out).join('\n')).toMatchFileSnapshot('golden/flow-panorama.txt');
  const examined = await payments.run('doctor');
  expect(examined.text).toMatch(/edges .*panorama/i);
  const rendered = await payments.run('render');
  expect(rendered.text).toContain('<translated-address><member>198.51.100.20</member>');

  const left = await payments.run('uninstall', 'edges', '--yes');
  expect(left.code, left.text).toBe(0);
  expect(panorama.dump()).toBe(bare[0]);
  for (const firewall of firewalls) expect(firewall.dumpRegistered()).not.toMatch(/\.payments/);
  expect(payments.said).not.toContain(`${ACCOUNT.password}"`);
}, 240_000);
