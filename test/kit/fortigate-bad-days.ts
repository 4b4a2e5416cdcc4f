import { FakeClock } from './fake-clock.ts';
import type { FortiGateOptions } from '../../simulators/fortigate/index.ts';
import type {
  Administrator,
  BadDay,
  BadDaysHarness,
  Happening,
} from '../../src/firewalls/contract/bad-days-harness.ts';
import { SimulatedDevice } from './simulated-fortigate.ts';
import { TRANSACTION_SECONDS } from '../../src/firewalls/fortigate/transaction.ts';

const RIGHTS = { fwgrp: 'read-write', sysgrp: 'read-write' };
const USER = 'keeper';
const COMMIT = { url: 'transaction-commit' };

/** What an administrator does to what is ours: to rules where there are any, and to a group of ours that people name. */
function handsOn(simulated: SimulatedDevice, group: string): readonly (() => void)[] {
  const { hand } = simulated.device;
  const policies = simulated.keysOfOurs('firewall/policy');
  const [first, last] = [policies[0], policies.at(-1)];
  const onRules =
    first === undefined || last === undefined
      ? []
      : [
          () => hand.delete('firewall/policy', first),
          () => hand.set('firewall/policy', first, { status: 'disable' }),
          () => hand.set('firewall/policy', first, { action: 'deny' }),
          () => hand.set('firewall/policy', first, { srcaddr: [{ name: 'all' }] }),
          () => hand.set('firewall/policy', first, { service: [{ name: 'ALL' }] }),
          () => hand.move('firewall/policy', first, 'after', last),
          () => hand.addMember('firewall/addrgrp', simulated.groupWith('10.0.0.1'), 'theirs'),
        ];
  return [
    ...onRules,
    () => hand.addMember('firewall/addrgrp', group, 'theirs'),
    () => hand.removeMember('firewall/addrgrp', group, simulated.objectOf('10.0.0.1')),
    () => hand.rename('firewall/addrgrp', group, `${group}-by-hand`),
    () => hand.delete('firewall/addrgrp', group),
    () => hand.set('firewall/address', simulated.objectOf('10.0.0.1'), { subnet: '10.0.0.99/32' }),
    () => hand.emptyVolatile(),
  ];
}

/** A FortiGate with rules of somebody else, on which bad days happen. `locked`: a group of ours that somebody edits. */
export async function fortigateBadDays(
  options: FortiGateOptions,
  firewall: object,
  locked: string,
): Promise<BadDaysHarness> {
  const clock = new FakeClock();
  const simulated = await SimulatedDevice.start({ ...options, clock });
  const { device } = simulated;
  device.hand.settings('system/settings', { 'central-nat': 'enable' });
  device.hand.create('firewall/address', { name: 'theirs', subnet: '192.0.2.0/24' });
  device.hand.create('firewall/policy', {
    name: 'their rule',
    srcintf: [{ name: 'port2' }],
    dstintf: [{ name: 'port1' }],
    srcaddr: [{ name: 'theirs' }],
    dstaddr: [{ name: 'all' }],
    service: [{ name: 'ALL' }],
    schedule: 'always',
    action: 'accept',
  });
  // What our block leaves meets the owner's rules: they let everything pass.
  for (const family of ['', '6'])
    device.hand.create('firewall/policy', {
      name: `the rest${family}`,
      srcintf: [{ name: 'port2' }],
      dstintf: [{ name: 'port1' }],
      [`srcaddr${family}`]: [{ name: 'all' }],
      [`dstaddr${family}`]: [{ name: 'all' }],
      service: [{ name: 'ALL' }],
      schedule: 'always',
      action: 'accept',
    });
  let user = USER;
  let token = device.hand.addApiUser(USER, RIGHTS);
  let certificate = device.certificate;
  let unlock: () => void = () => undefined;
  const nothing = (): void => undefined;
  const commitMeets = (fault: Parameters<typeof device.faults.next>[0]): (() => void) => {
    return () => device.faults.next(fault, COMMIT);
  };
  const clear = (): void => device.faults.clear();

  const happenings: Readonly<Record<BadDay, Happening>> = {
    'another certificate': {
      // A connection that stood was verified; it is cut in the moment it is used.
      says: ['DEVICE_CERTIFICATE', 'DEVICE_UNREACHABLE'],
      begin: async () => {
        device.presentCertificate('new');
        // Connections that stand were verified.
        await device.reboot();
      },
      end: () => {
        certificate = device.certificate;
      },
    },
    'the token has ended': {
      says: ['DEVICE_CREDENTIALS'],
      begin: () => device.hand.revokeToken(user),
      end: () => {
        user = `${USER}-again`;
        token = device.hand.addApiUser(user, RIGHTS);
      },
    },
    'rights were taken away': {
      says: ['DEVICE_RIGHTS'],
      begin: () => device.hand.setRights(user, { fwgrp: 'read', sysgrp: 'read' }),
      end: () => device.hand.setRights(user, RIGHTS),
    },
    'somebody holds a lock': {
      says: ['DEVICE_EDIT_LOCK'],
      begin: () => {
        unlock = device.hand.lock('firewall/addrgrp', locked, 3_600);
      },
      end: () => unlock(),
    },
    'the commit fails': {
      says: ['DEVICE_BUSY'],
      begin: commitMeets({ kind: 'database error', error: -360, http: 500 }),
      end: clear,
    },
    'it boots between two steps': {
      says: ['done', 'DEVICE_CHANGED', 'DEVICE_UNREACHABLE'],
      begin: () => device.reboot(),
      end: nothing,
    },
    'every volatile table is emptied': {
      says: ['done', 'DEVICE_CHANGED'],
      begin: () => device.hand.emptyVolatile(),
      end: nothing,
    },
    'it is full': {
      says: ['DEVICE_LIMIT'],
      begin: () => device.hand.limit('root', { 'firewall-address': 1 }),
      end: () => device.hand.limit('root', { 'firewall-address': 10_000 }),
    },
    'it answers slowly': {
      says: ['DEVICE_UNREACHABLE'],
      patienceMs: 3_000,
      begin: commitMeets({ kind: 'slow', ms: 60_000 }),
      // It arrives after all, when nobody waits for it any more.
      end: () => clock.advance(60_000),
    },
    'an answer is cut off': {
      says: ['DEVICE_UNREACHABLE', 'DEVICE_UNREADABLE'],
      begin: commitMeets({ kind: 'answer cut' }),
      end: clear,
    },
    'an answer is lost': { says: ['DEVICE_UNREACHABLE'], begin: commitMeets({ kind: 'answer lost' }), end: clear },
    'a request arrives twice': {
      says: ['done', 'DEVICE_CHANGED', 'DEVICE_REJECTED'],
      begin: () => device.faults.next({ kind: 'twice' }, {}, 1_000),
      end: clear,
    },
    'another firmware speaks another dialect': {
      says: ['done', 'DEVICE_CHANGED', 'DEVICE_BUSY', 'DEVICE_UNREACHABLE'],
      begin: () => device.upgrade('7.6.3'),
      end: nothing,
    },
  };
  const administrator: Administrator = {
    denies: (group) => {
      // Between interfaces that our rules are not about.
      device.hand.create('firewall/policy', {
        name: 'by our group',
        srcintf: [{ name: 'port3' }],
        dstintf: [{ name: 'port1' }],
        srcaddr: [{ name: group }],
        dstaddr: [{ name: 'all' }],
        service: [{ name: 'ALL' }],
        schedule: 'always',
        action: 'deny',
      });
    },
    renames: (group, to) => {
      const tables = ['firewall/addrgrp', 'firewall/addrgrp6', 'system/external-resource'];
      for (const table of tables) if (device.hand.get(table, group) !== undefined) device.hand.rename(table, group, to);
    },
    meets: (source) => {
      const flow = { source, destination: '203.0.113.7', protocol: 6, sourcePort: 50_000, destinationPort: 443 };
      return [device.wouldPass({ ...flow, from: 'port3', to: 'port1' }).policy !== 0];
    },
    forgets: () => {
      const last = device.hand.keys('firewall/policy').at(-1) ?? '';
      device.hand.delete('firewall/policy', last);
    },
    shows: async (which) => {
      if (which === 'its own') device.presentCertificate('before');
      else device.presentCertificate('new');
      await device.reboot();
    },
    asked: () => device.served.length,
  };
  return {
    administrator,
    connect: (cluster = 'lab') =>
      simulated.connect(firewall, {
        clock,
        owner: { cluster, firewall: 'edge-1' },
        tls: { ca: certificate ?? '' },
        credentials: { title: 'a test', read: () => Promise.resolve(new Map([['token', token]])) },
      }),
    ours: () => simulated.ours(),
    foreign: () => simulated.foreign(),
    passing: () => (packet) => {
      const { verdict, unsure } = device.wouldPass({ ...packet, from: 'port2', to: 'port1' });
      if (unsure.length > 0) throw new Error(`the device may do either: ${unsure.join()}`);
      return verdict === 'accept';
    },
    members: () => ['payments', 'blocked'].flatMap((group) => simulated.members(group)),
    tamper: (variant) => {
      const change = handsOn(simulated, locked)[variant];
      change?.();
      return Promise.resolve(change !== undefined);
    },
    happening: (day) => happenings[day],
    dieAt: (n, how) => simulated.dieAt(n, how),
    recover: () => {
      simulated.live();
      clock.advance((TRANSACTION_SECONDS + 1) * 1_000);
      return Promise.resolve();
    },
    close: () => simulated[Symbol.asyncDispose](),
  };
}
