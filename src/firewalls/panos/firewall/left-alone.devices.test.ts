import { expect, test } from 'vitest';
import { rulesOnBadDays } from '../../../../test/kit/bad-day-worlds.ts';
import { FakeClock } from '../../../../test/kit/fake-clock.ts';
import { PATIENCE_MS } from '../../../../test/kit/runs.ts';
import { allowing, world } from '../../../../test/kit/worlds.ts';
import { SallyportError } from '../../../base/error.ts';
import type { MayGoOn } from '../../driver.ts';
import { writeAtOnce } from '../../rulebase/plain-dialect.fixture.ts';
import { type AnyDriver, bring, stepsOf } from '../../contract/harness.ts';
import {
  ACCOUNT,
  FULL,
  VSYS,
  byHand,
  connectTo,
  foldersOn,
  foreignOn,
  furnish,
  oursOn,
  startDevice,
} from '../lab.fixture.ts';
import { ownedIn } from '../entries/owned.ts';
import {
  GROUP,
  connectToBorder,
  editGroup,
  foreignOnBorder,
  groupOn,
  oursOnBorder,
  startBorder,
} from '../panorama/lab.fixture.ts';
import type { Folders } from '../entries/read-entries.ts';

const { before } = rulesOnBadDays();
/** Nearly all of what is there before goes. */
const bare = world({ '10.0.0.2': 'shop' }, [allowing('shop', '198.51.100.0/24', 8080)]);
const signal = new AbortController().signal;
const TEN_MINUTES_MS = 600_000;

/** What a person sees who looks at a device, or at a Panorama and its firewalls. */
interface Subject extends AsyncDisposable {
  readonly clock: FakeClock;
  connect(): AnyDriver;
  folders(): Folders;
  ours(): string;
  foreign(): string;
  /** Deletions of an entry are refused because of these. */
  refer(path: string, ...users: readonly string[]): void;
  edits(): number;
  /** What an administrator adds to the candidate, and does not commit. */
  adds(path: string, element: string): void;
  /** Names of groups of ours in the candidate. */
  edited(): readonly string[];
  giveLockBack(): void;
}

async function firewall(): Promise<Subject> {
  const device = await startDevice();
  await furnish(device);
  const clock = new FakeClock();
  return {
    clock,
    connect: () => connectTo(device, FULL, 'lab', { write: writeAtOnce, clock }) as unknown as AnyDriver,
    folders: () => foldersOn(device),
    ours: () => oursOn(device),
    foreign: () => foreignOn(device),
    refer: (path, ...users) => device.keepPhantomReference(VSYS + path, ...users),
    edits: () => device.served.filter(({ parameters: { action } }) => action === 'multi-config').length,
    adds: (path, element) => byHand(device, 'set', `/rulebase${path}`, { element }),
    edited: () => groupsIn(device.dumpCandidate()),
    giveLockBack: () => device.locks.drop(ACCOUNT.name),
    [Symbol.asyncDispose]: () => device[Symbol.asyncDispose](),
  };
}

async function panorama(): Promise<Subject> {
  const border = await startBorder();
  const clock = new FakeClock();
  return {
    clock,
    connect: () => connectToBorder(border, FULL, { write: writeAtOnce, clock }) as unknown as AnyDriver,
    folders: () => groupOn(border.panorama.dump()),
    ours: () => oursOnBorder(border),
    foreign: () => foreignOnBorder(border),
    refer: (path, ...users) => border.panorama.keepPhantomReference(GROUP + path, ...users),
    edits: () => border.panorama.served.filter(({ parameters: { action } }) => action === 'multi-config').length,
    adds: (path, element) => editGroup(border.panorama, 'set', `/pre-rulebase${path}`, { element }),
    edited: () => groupsIn(border.panorama.dumpCandidate()),
    giveLockBack: () => border.panorama.locks.drop(ACCOUNT.name),
    [Symbol.asyncDispose]: () => border[Symbol.asyncDispose](),
  };
}

function groupsIn(configuration: string): readonly string[] {
  return [
    ...configuration.matchAll(/<entry name="(sp-late-[^"]+)">\s*<description>[^<]*<\/description>\s*<dynamic>/g),
  ].map(([, name]) => name ?? '');
}

/** The first entry of ours in each of some folders that goes. */
function firstGoing(
  before: Folders,
  after: Folders,
): readonly (readonly [folder: 'address' | 'service' | 'address-group', name: string])[] {
  const [was, is] = [before, after].map((folders) => ownedIn(folders, 'lab').objects);
  return (['address', 'service', 'address-group'] as const).map((folder) => {
    const name = [...(was?.[folder].keys() ?? [])].find((one) => is?.[folder].has(one) === false);
    if (name === undefined) throw new Error(`no ${folder} of ours goes`);
    return [folder, name] as const;
  });
}

// Panorama keeps references to what is gone until it restarts, and a firewall shows no reference that is in what is not read.
test.each([
  ['a firewall', firewall],
  ['a Panorama', panorama],
])(
  'what %s does not delete, though nothing shows why, keeps nothing else waiting, and is tried again after ten minutes',
  async (_, start) => {
    await using untroubled = await start();
    await bring(untroubled.connect(), before);
    await bring(untroubled.connect(), bare);

    await using subject = await start();
    const driver = subject.connect();
    await bring(driver, before);
    const foreign = subject.foreign();
    const left = firstGoing(subject.folders(), untroubled.folders());
    for (const [folder, name] of left)
      subject.refer(`/${folder}/entry[@name='${name}']`, ' vsys -> vsys1 -> elsewhere');
    await bring(driver, bare);
    const held = ownedIn(subject.folders(), 'lab');
    for (const [folder, name] of left) expect([...held.objects[folder].keys()]).toContain(name);
    const told = driver.warnings?.() ?? [];
    for (const [, name] of left)
      expect(told.filter((line) => line.includes(`${name} cannot be deleted`))).toHaveLength(1);
    // Rules, and all of their members, are as they would be.
    const rulesOf = (folders: Folders): unknown => [folders.security, folders.nat];
    expect(rulesOf(subject.folders())).toEqual(rulesOf(untroubled.folders()));
    expect(subject.foreign()).toBe(foreign);

    const begun = subject.edits();
    subject.clock.advance(TEN_MINUTES_MS - 1_000);
    expect(await stepsOf(driver, bare)).toEqual([]);
    expect(subject.edits()).toBe(begun);
    for (const [folder, name] of left) subject.refer(`/${folder}/entry[@name='${name}']`);
    subject.clock.advance(60_000);
    await bring(driver, bare);
    expect(subject.ours()).toBe(untroubled.ours());
    expect(subject.foreign()).toBe(foreign);
  },
  PATIENCE_MS,
);

const LATE = world({ '10.0.0.2': 'shop', '10.0.0.3': 'late' }, [
  allowing('shop', '198.51.100.0/24', 8080),
  allowing('late', '203.0.113.0/24', 443),
]);
const ANY = ['from', 'to', 'destination', 'application', 'service'].map(
  (one) => `<${one}><member>any</member></${one}>`,
);

test.each([
  ['a firewall', firewall],
  ['a Panorama', panorama],
])(
  'what nobody committed on %s, and somebody names meanwhile, keeps no change of rules waiting, and is not written in a circle',
  async (_, start) => {
    await using subject = await start();
    await bring(subject.connect(), bare);
    await dieBeforeCommit(subject.connect());
    subject.giveLockBack();
    const [group] = subject.edited();
    expect(group).toBeDefined();
    const source = `<source><member>${group}</member></source>`;
    subject.adds("/security/rules/entry[@name='of-alice']", `${ANY.join('')}${source}<action>allow</action>`);
    const driver = subject.connect();
    await bring(driver, bare);
    const tried = subject.edits();
    expect(await stepsOf(driver, bare)).toEqual([]);
    await bring(driver, bare);
    expect(subject.edits()).toBe(tried);
    const others = world({ '10.0.0.2': 'shop' }, [allowing('shop', '198.51.100.0/24', 9090)]);
    await bring(driver, others);
    expect(subject.edited()).toEqual([group]);
    const edits = subject.edits();
    expect(await stepsOf(driver, others)).toEqual([]);
    await bring(driver, others);
    expect(subject.edits()).toBe(edits);
    expect(await stepsOf(driver, bare)).not.toEqual([]);
    await bring(driver, bare);
    // Once it is wanted it is written as it shall be.
    await bring(driver, LATE);
    expect(await stepsOf(subject.connect(), LATE)).toEqual([]);
  },
  PATIENCE_MS,
);

async function dieBeforeCommit(driver: AnyDriver): Promise<void> {
  const until = { isEdited: false };
  const mayGoOn: MayGoOn = () => {
    if (until.isEdited) throw new SallyportError('NOT_THE_WRITER', 'a test says so');
  };
  for (const step of await stepsOf(driver, LATE)) {
    let asked = 0;
    // The lock, the edits, and then the commit.
    const counted: MayGoOn =
      step.longestMs !== undefined && step.kind === 'Rules'
        ? () => {
            until.isEdited = asked++ >= 2;
            mayGoOn();
          }
        : mayGoOn;
    await driver.apply(step, signal, counted).catch((thrown: unknown) => {
      expect(thrown).toMatchObject({ code: 'NOT_THE_WRITER' });
    });
    if (until.isEdited) return;
  }
}
