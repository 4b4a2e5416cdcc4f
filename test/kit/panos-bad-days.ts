import { PanOs, type PanOsOptions } from '../../simulators/panos/index.ts';
import { ownCertificate } from '../../simulators/frame/certificate.ts';
import type { BadDay, BadDaysHarness, Happening } from '../../src/firewalls/contract/bad-days.ts';
import {
  ACCOUNT,
  connectTo,
  foreignOn,
  furnish,
  isWrite,
  loseRegistered,
  membersOn,
  oursOn,
  passesOn,
  tamper,
} from '../../src/firewalls/panos/lab.fixture.ts';
import type { PanosDriver } from '../../src/firewalls/panos/driver.ts';
import { writeAtOnce } from '../../src/firewalls/rulebase/plain-dialect.fixture.ts';
import { CommitClock } from './commit-clock.ts';

const HOUR_MS = 3_600_000;
const commits = (given: ReadonlyMap<string, string>): boolean => given.get('type') === 'commit';

/** A firewall with PAN-OS and rules of somebody else, on which bad days happen. */
export async function panosBadDays(options: PanOsOptions, firewall: object): Promise<BadDaysHarness> {
  const clock = new CommitClock();
  // A device that was just started counts up from nothing, and so would not look as if it was started again.
  const room = { 'max-registered-ip-address': 40 };
  const device = await PanOs.start({
    accounts: [ACCOUNT],
    zones: ['k8s', 'internet'],
    commitMs: 0,
    clock,
    capacity: room,
    ...options,
  });
  clock.advance(HOUR_MS);
  await furnish(device);
  const opened: PanosDriver[] = [];
  let pin = device.fingerprint ?? '';
  let password: string = ACCOUNT.password;
  const clear = (): void => device.faults.clear();
  const nothing = (): void => undefined;
  const commitMeets = (fault: Parameters<typeof device.faults.next>[0]): (() => void) => {
    return () => device.faults.next(fault, { matches: commits });
  };
  const registerByHand = (verb: 'register' | 'unregister'): void => {
    const entries = Array.from(
      { length: 36 },
      (_, at) => `<entry ip="192.0.2.${at + 100}"><tag><member>guest</member></tag></entry>`,
    );
    const payload = `<${verb}>${entries.join('')}</${verb}>`;
    device.byHand({
      type: 'user-id',
      cmd: `<uid-message><version>2.0</version><type>update</type><payload>${payload}</payload></uid-message>`,
    });
  };

  const happenings: Readonly<Record<BadDay, Happening>> = {
    'another certificate': {
      // A connection that stood was verified; it is cut in the moment it is used.
      says: ['DEVICE_CERTIFICATE', 'DEVICE_UNREACHABLE'],
      begin: () => {
        const from = clock.wall();
        const shown = ownCertificate({ commonName: 'another', names: ['127.0.0.1'], from: 0, to: from + 1e12 });
        device.front.present(shown);
        device.reboot();
      },
      end: () => {
        pin = device.fingerprint ?? '';
      },
    },
    'the token has ended': {
      says: ['DEVICE_CREDENTIALS'],
      begin: () => device.accounts.put({ ...ACCOUNT, password: 'another' }),
      end: () => {
        password = 'another';
      },
    },
    'rights were taken away': {
      says: ['DEVICE_RIGHTS'],
      begin: () => device.accounts.put({ ...ACCOUNT, password, role: 'superreader' }),
      end: () => device.accounts.put({ ...ACCOUNT, password }),
    },
    'somebody holds a lock': {
      says: ['DEVICE_EDIT_LOCK'],
      begin: () => {
        device.locks.take('config', 'vsys1', 'alice');
        clock.advance(HOUR_MS);
      },
      end: () => void device.locks.release('config', 'vsys1', 'alice'),
    },
    'the commit fails': {
      says: ['DEVICE_REJECTED'],
      begin: () => device.failNextCommit('Commit failed: no memory'),
      end: nothing,
    },
    'it boots between two steps': {
      says: ['done', 'DEVICE_CHANGED', 'DEVICE_UNREACHABLE'],
      begin: () => {
        loseRegistered(device);
        device.reboot();
      },
      end: nothing,
    },
    'every volatile table is emptied': {
      says: ['done', 'DEVICE_CHANGED'],
      begin: () => loseRegistered(device),
      end: nothing,
    },
    'it is full': {
      says: ['DEVICE_LIMIT'],
      begin: () => registerByHand('register'),
      end: () => registerByHand('unregister'),
    },
    'it answers slowly': {
      says: ['DEVICE_UNREACHABLE'],
      patienceMs: 1_500,
      begin: commitMeets({ kind: 'slow', ms: 60_000 }),
      // It arrives after all, when nobody waits for it any more.
      end: () => clock.advance(60_000),
    },
    'an answer is cut off': {
      says: ['DEVICE_UNREACHABLE', 'DEVICE_UNREADABLE'],
      begin: commitMeets({ kind: 'cut off' }),
      end: clear,
    },
    'an answer is lost': { says: ['DEVICE_UNREACHABLE'], begin: commitMeets({ kind: 'lost after' }), end: clear },
    'a request arrives twice': {
      says: ['done', 'DEVICE_CHANGED', 'DEVICE_REJECTED', 'DEVICE_BUSY'],
      begin: () => device.faults.next({ kind: 'twice' }, { times: 1_000, matches: isWrite }),
      end: clear,
    },
    'another firmware speaks another dialect': {
      says: ['done', 'DEVICE_CHANGED', 'DEVICE_BUSY', 'DEVICE_UNREACHABLE'],
      begin: () =>
        device.upgrade('11.2.0', {
          referencesAt: 'commit',
          missingText: 'No such node',
          reregistering: 'silent',
          commitQueue: true,
          finalProgress: 'time',
          locksSurviveCommit: true,
        }),
      end: nothing,
    },
  };
  return {
    connect(cluster = 'lab') {
      const driver = connectTo(device, firewall, cluster, { pin, password, clock, write: writeAtOnce });
      opened.push(driver);
      return driver as never;
    },
    ours: () => oursOn(device),
    foreign: () => foreignOn(device),
    passes: (packet) => passesOn(device, packet),
    members: () => membersOn(device, ['payments', 'blocked']),
    happening: (day) => happenings[day],
    tamper: (variant) => tamper(device, variant),
    dieAt(n, how) {
      let seen = 0;
      device.faults.next(
        { kind: how === 'unsent' ? 'lost before' : 'lost after' },
        { matches: (given) => isWrite(given) && ++seen === n },
      );
      device.faults.next({ kind: 'lost before' }, { times: 1_000, matches: () => seen >= n });
    },
    recover() {
      device.faults.clear();
      return Promise.resolve();
    },
    async close() {
      for (const driver of opened) await driver.close();
      await device[Symbol.asyncDispose]();
    },
  };
}
