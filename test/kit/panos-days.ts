import { ownCertificate } from '../../simulators/frame/certificate.ts';
import type { PanOs, Panorama } from '../../simulators/panos/index.ts';
import type { BadDay, BadDaysHarness, Happening } from '../../src/firewalls/contract/bad-days-harness.ts';
import type { AnyDriver } from '../../src/firewalls/contract/harness.ts';
import { ACCOUNT, isWrite, loseRegistered } from '../../src/firewalls/panos/lab.fixture.ts';
import { writeAtOnce } from '../../src/firewalls/rulebase/plain-dialect.fixture.ts';
import type { ListWriter } from '../../src/firewalls/rulebase/translator.ts';
import type { CommitClock } from './commit-clock.ts';

const HOUR_MS = 3_600_000;
/** More addresses than leave room for ours. */
const CROWD = 36;
/** What each firewall of these days has room for. */
export const ROOM = { 'max-registered-ip-address': 40 };

/** Where bad days of PAN-OS happen. */
export interface PanosStage {
  /** What the driver talks to: the firewall, or its Panorama. */
  readonly server: PanOs | Panorama;
  /** Where packets pass; to the last of them happens what happens to one firewall alone. */
  readonly firewalls: readonly [PanOs, ...PanOs[]];
  /** Whatever has a configuration lock: a vsys, or a device group. */
  readonly scope: string;
  readonly clock: CommitClock;
}

/** What a new process has been told, and how it writes. */
export interface PanosLogin {
  readonly pin: string;
  readonly password: string;
  readonly clock: CommitClock;
  readonly write: ListWriter;
}

interface Closable {
  close(): Promise<void>;
}

/** Bad days on a stage, with drivers that `connect` makes. What the stage looks like is told by whoever set it up, who closes it as well. */
export function panosDays(
  { server, firewalls, scope, clock }: PanosStage,
  connect: (cluster: string, login: PanosLogin) => Closable,
): Pick<BadDaysHarness, 'connect' | 'happening' | 'dieAt' | 'recover'> & Closable {
  const last = firewalls.at(-1) ?? firewalls[0];
  const opened: Closable[] = [];
  let pin = server.fingerprint ?? '';
  let password: string = ACCOUNT.password;
  const clear = (): void => server.faults.clear();
  const nothing = (): void => undefined;
  const commitMeets = (fault: Parameters<typeof server.faults.next>[0]): (() => void) => {
    return () => server.faults.next(fault, { matches: (given) => given.get('type') === 'commit' });
  };

  const happenings: Readonly<Record<BadDay, Happening>> = {
    'another certificate': {
      // A connection that stood was verified; it is cut in the moment it is used.
      says: ['DEVICE_CERTIFICATE', 'DEVICE_UNREACHABLE'],
      begin: () => {
        const to = clock.wall() + 1e12;
        server.front.present(ownCertificate({ commonName: 'another', names: ['127.0.0.1'], from: 0, to }));
        server.reboot();
      },
      end: () => {
        pin = server.fingerprint ?? '';
      },
    },
    'the token has ended': {
      says: ['DEVICE_CREDENTIALS'],
      begin: () => server.accounts.put({ ...ACCOUNT, password: 'another' }),
      end: () => {
        password = 'another';
      },
    },
    'rights were taken away': {
      says: ['DEVICE_RIGHTS'],
      begin: () => server.accounts.put({ ...ACCOUNT, password, role: 'superreader' }),
      end: () => server.accounts.put({ ...ACCOUNT, password }),
    },
    'somebody holds a lock': {
      says: ['DEVICE_EDIT_LOCK'],
      begin: () => {
        server.locks.take('config', scope, 'alice');
        clock.advance(HOUR_MS);
      },
      end: () => void server.locks.release('config', scope, 'alice'),
    },
    'the commit fails': {
      says: ['DEVICE_REJECTED'],
      begin: () => server.failNextCommit('Commit failed: no memory'),
      end: nothing,
    },
    'it boots between two steps': {
      says: ['done', 'DEVICE_CHANGED', 'DEVICE_UNREACHABLE'],
      begin: () => {
        loseRegistered(last);
        for (const one of new Set([last, server])) one.reboot();
      },
      end: nothing,
    },
    'every volatile table is emptied': {
      says: ['done', 'DEVICE_CHANGED'],
      begin: () => firewalls.forEach(loseRegistered),
      end: nothing,
    },
    'it is full': {
      says: ['DEVICE_LIMIT'],
      begin: () => crowdOf(last, 'register'),
      end: () => crowdOf(last, 'unregister'),
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
      // A Panorama refuses a second push while the first is under way.
      says: ['done', 'DEVICE_CHANGED', 'DEVICE_REJECTED', 'DEVICE_BUSY'],
      begin: () => server.faults.next({ kind: 'twice' }, { times: 1_000, matches: isWrite }),
      end: clear,
    },
    'another firmware speaks another dialect': {
      says: ['done', 'DEVICE_CHANGED', 'DEVICE_BUSY', 'DEVICE_UNREACHABLE'],
      begin: () => {
        for (const one of new Set([server, ...firewalls]))
          one.upgrade('11.2.0', {
            referencesAt: 'commit',
            missingText: 'No such node',
            reregistering: 'silent',
            commitQueue: true,
            finalProgress: 'time',
            locksSurviveCommit: true,
          });
      },
      end: nothing,
    },
  };
  return {
    connect(cluster = 'lab') {
      const driver = connect(cluster, { pin, password, clock, write: writeAtOnce });
      opened.push(driver);
      return driver as unknown as AnyDriver;
    },
    happening: (day) => happenings[day],
    dieAt(n, how) {
      let seen = 0;
      server.faults.next(
        { kind: how === 'unsent' ? 'lost before' : 'lost after' },
        { matches: (given) => isWrite(given) && ++seen === n },
      );
      server.faults.next({ kind: 'lost before' }, { times: 1_000, matches: () => seen >= n });
    },
    recover() {
      clear();
      return Promise.resolve();
    },
    async close() {
      for (const driver of opened) await driver.close();
    },
  };
}

/** Addresses of somebody else. */
function crowdOf(firewall: PanOs, verb: 'register' | 'unregister'): void {
  const entries = Array.from(
    { length: CROWD },
    (_, at) => `<entry ip="192.0.2.${at + 100}"><tag><member>guest</member></tag></entry>`,
  );
  const payload = `<${verb}>${entries.join('')}</${verb}>`;
  firewall.byHand({
    type: 'user-id',
    cmd: `<uid-message><version>2.0</version><type>update</type><payload>${payload}</payload></uid-message>`,
  });
}
