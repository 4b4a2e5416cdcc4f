import type { PanOs } from '../../../simulators/panos/index.ts';
import { driverContract } from '../contract/driver-contract.ts';
import type { AnyDriver, DriverHarness } from '../contract/harness.ts';
import { byHand, commitByHand, connectTo, foreignOn, furnish, oursOn, startDevice, writesOn } from './lab.fixture.ts';
import { child, entriesAt, nameOf, parseXml } from './xml.ts';

const OPTIONS = {
  form: 'Full',
  position: { before: 'rest' },
  securityProfile: 'none',
  log: 'None',
  zones: { from: ['k8s'], to: ['internet'] },
};

async function harness(): Promise<DriverHarness> {
  const device = await startDevice();
  await furnish(device);
  const drivers: { close(): Promise<void> }[] = [];
  return {
    connect(): AnyDriver {
      const driver = connectTo(device, OPTIONS);
      drivers.push(driver);
      return driver as unknown as AnyDriver;
    },
    foreign: () => Promise.resolve(foreignOn(device)),
    ours: () => Promise.resolve(oursOn(device)),
    tamper: (variant) => tamper(device, variant),
    received: () => writesOn(device),
    async close() {
      for (const driver of drivers) await driver.close();
      await device[Symbol.asyncDispose]();
    },
  };
}

/** What an administrator does to what is ours, and commits. */
async function tamper(device: PanOs, variant: number): Promise<boolean> {
  const vsys = child(parseXml(device.dump()), 'devices', 'entry', 'vsys', 'entry');
  const rules = entriesAt(vsys, 'rulebase', 'security', 'rules')
    .map(nameOf)
    .filter((name) => name.startsWith('sp-'));
  const groups = entriesAt(vsys, 'address-group').filter((one) => nameOf(one).startsWith('sp-'));
  const rule = `/rulebase/security/rules/entry[@name='${rules[0]}']`;
  const dynamic = groups.find((one) => child(one, 'dynamic') !== undefined);
  const fixed = groups.find((one) => child(one, 'static') !== undefined);
  const edits: readonly (() => void)[] = [
    () => byHand(device, 'delete', rule),
    () => byHand(device, 'set', rule, { element: '<disabled>yes</disabled>' }),
    () => byHand(device, 'edit', `${rule}/action`, { element: '<action>reset-both</action>' }),
    () => byHand(device, 'move', rule, { where: 'bottom' }),
    () => byHand(device, 'set', `${rule}/source`, { element: '<member>any</member>' }),
    () => byHand(device, 'rename', rule, { newname: 'sp-renamed' }),
    () =>
      byHand(
        device,
        'edit',
        `/address-group/entry[@name='${dynamic === undefined ? '' : nameOf(dynamic)}']/dynamic/filter`,
        { element: "<filter>'guest'</filter>" },
      ),
    () =>
      byHand(device, 'set', `/address-group/entry[@name='${fixed === undefined ? '' : nameOf(fixed)}']/static`, {
        element: '<member>theirs</member>',
      }),
    () => device.clearRegistered(),
  ];
  const edit = edits[variant];
  if (edit === undefined) return false;
  edit();
  await commitByHand(device);
  return true;
}

driverContract('PAN-OS', harness, {
  runs: 2,
  exempt: {
    '0 members change no rule':
      'the group of a class is dynamic as long as all its members lie in networks: the first one that does not makes it a static one',
  },
  // Other protocols are applications there, and it has no source translation for IPv6.
  draws: { portsAlone: true, translated: [4] },
});
