import { ownCertificate } from '../../simulators/frame/certificate.ts';
import type { PanOs } from '../../simulators/panos/index.ts';
import type { BadDay, BadDaysHarness, Happening } from '../../src/firewalls/contract/bad-days.ts';
import { ACCOUNT, isWrite, loseRegistered, passesOn } from '../../src/firewalls/panos/lab.fixture.ts';
import {
  connectToBorder,
  foreignOnBorder,
  membersOnBorder,
  oursOnBorder,
  startBorder,
  tamperOnBorder,
} from '../../src/firewalls/panos/panorama-lab.fixture.ts';
import type { PanoramaDriver } from '../../src/firewalls/panos/panorama-driver.ts';
import { writeAtOnce } from '../../src/firewalls/rulebase/plain-dialect.fixture.ts';
import { CommitClock } from './commit-clock.ts';

const HOUR_MS = 3_600_000;
const commits = (given: ReadonlyMap<string, string>): boolean => given.get('type') === 'commit';

/** A Panorama with two firewalls and rules of somebody else, on which bad days happen: to it, or to the second firewall. */
export async function panoramaBadDays(options: object): Promise<BadDaysHarness> {
  const clock = new CommitClock();
  const room = { 'max-registered-ip-address': 40 };
  const border = await startBorder({ clock }, { clock, capacity: room });
  const { panorama, firewalls } = border;
  const second = firewalls[1];
  if (second === undefined) throw new Error('two firewalls were started');
  clock.advance(HOUR_MS);
  const opened: PanoramaDriver[] = [];
  let pin = panorama.fingerprint ?? '';
  let password: string = ACCOUNT.password;
  const clear = (): void => panorama.faults.clear();
  const nothing = (): void => undefined;
  const commitMeets = (fault: Parameters<typeof panorama.faults.next>[0]): (() => void) => {
    return () => panorama.faults.next(fault, { matches: commits });
  };

  const happenings: Readonly<Record<BadDay, Happening>> = {
    'another certificate': {
      // A connection that stood was verified; it is cut in the moment it is used.
      says: ['DEVICE_CERTIFICATE', 'DEVICE_UNREACHABLE'],
      begin: () => {
        const until = clock.wall() + 1e12;
        panorama.front.present(ownCertificate({ commonName: 'another', names: ['127.0.0.1'], from: 0, to: until }));
        panorama.reboot();
      },
      end: () => {
        pin = panorama.fingerprint ?? '';
      },
    },
    'the token has ended': {
      says: ['DEVICE_CREDENTIALS'],
      begin: () => panorama.accounts.put({ ...ACCOUNT, password: 'another' }),
      end: () => {
        password = 'another';
      },
    },
    'rights were taken away': {
      says: ['DEVICE_RIGHTS'],
      begin: () => panorama.accounts.put({ ...ACCOUNT, password, role: 'superreader' }),
      end: () => panorama.accounts.put({ ...ACCOUNT, password }),
    },
    'somebody holds a lock': {
      says: ['DEVICE_EDIT_LOCK'],
      begin: () => {
        panorama.locks.take('config', 'edge', 'alice');
        clock.advance(HOUR_MS);
      },
      end: () => void panorama.locks.release('config', 'edge', 'alice'),
    },
    'the commit fails': {
      says: ['DEVICE_REJECTED'],
      begin: () => panorama.failNextCommit('Commit failed: no memory'),
      end: nothing,
    },
    'it boots between two steps': {
      says: ['done', 'DEVICE_CHANGED', 'DEVICE_UNREACHABLE'],
      begin: () => {
        loseRegistered(second);
        second.reboot();
        panorama.reboot();
      },
      end: nothing,
    },
    'every volatile table is emptied': {
      says: ['done', 'DEVICE_CHANGED'],
      begin: () => {
        for (const firewall of firewalls) loseRegistered(firewall);
      },
      end: nothing,
    },
    'it is full': {
      says: ['DEVICE_LIMIT'],
      begin: () => registerByHand(second, 'register'),
      end: () => registerByHand(second, 'unregister'),
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
      begin: () => panorama.faults.next({ kind: 'twice' }, { times: 1_000, matches: isWrite }),
      end: clear,
    },
    'another firmware speaks another dialect': {
      says: ['done', 'DEVICE_CHANGED', 'DEVICE_BUSY', 'DEVICE_UNREACHABLE'],
      begin: () => {
        const dialect = {
          referencesAt: 'commit',
          missingText: 'No such node',
          reregistering: 'silent',
          commitQueue: true,
          finalProgress: 'time',
          locksSurviveCommit: true,
        } as const;
        for (const one of [panorama, ...firewalls]) one.upgrade('11.2.0', dialect);
      },
      end: nothing,
    },
  };
  return {
    connect(cluster = 'lab') {
      const driver = connectToBorder(border, options, { cluster, clock, pin, password, write: writeAtOnce });
      opened.push(driver);
      return driver as never;
    },
    ours: () => oursOnBorder(border),
    foreign: () => foreignOnBorder(border),
    passes: (packet) => firewalls.flatMap((firewall) => passesOn(firewall, packet) ?? []),
    members: () => membersOnBorder(border, ['payments', 'blocked']),
    happening: (day) => happenings[day],
    tamper: (variant) => tamperOnBorder(border, variant),
    dieAt(n, how) {
      let seen = 0;
      panorama.faults.next(
        { kind: how === 'unsent' ? 'lost before' : 'lost after' },
        { matches: (given) => isWrite(given) && ++seen === n },
      );
      panorama.faults.next({ kind: 'lost before' }, { times: 1_000, matches: () => seen >= n });
    },
    recover() {
      panorama.faults.clear();
      return Promise.resolve();
    },
    async close() {
      for (const driver of opened) await driver.close();
      await border[Symbol.asyncDispose]();
    },
  };
}

/** Addresses of somebody else, more than leave room for ours. */
function registerByHand(firewall: PanOs, verb: 'register' | 'unregister'): void {
  const entries = Array.from(
    { length: 36 },
    (_, at) => `<entry ip="192.0.2.${at + 100}"><tag><member>guest</member></tag></entry>`,
  );
  const payload = `<${verb}>${entries.join('')}</${verb}>`;
  firewall.byHand({
    type: 'user-id',
    cmd: `<uid-message><version>2.0</version><type>update</type><payload>${payload}</payload></uid-message>`,
  });
}
