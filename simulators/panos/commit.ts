import { codes, refuse } from './answer.ts';
import type { Change } from './changes.ts';
import { child, descend, type Element, members } from './xml.ts';

/** What a commit command asks for. */
export interface CommitRequest {
  readonly includes: (change: Change) => boolean;
  /** Commits even if nothing has changed. */
  readonly force: boolean;
  readonly partial: boolean;
}

const scopeLists = ['vsys', 'device-group', 'template', 'template-stack'] as const;
const ignoredLists = ['log-collector', 'log-collector-group', 'wildfire-appliance'] as const;
const exclusions = ['device-and-network', 'shared-object', 'policy-and-objects'] as const;
const words = new Set<string>([
  ...scopeLists,
  ...ignoredLists,
  ...exclusions,
  'admin',
  'no-vsys',
  'no-template',
  'no-device-group',
  'no-template-stack',
]);

/** Understands `partial` and `force` in either order, inside each other or beside (reference 1.7). */
export function readCommit(cmd: Element): CommitRequest {
  let force = false;
  let partial: Element | undefined;
  const read = (of: Element): void => {
    for (const one of of.children)
      if (one.name === 'force') {
        force = true;
        read(one);
      } else if (one.name === 'partial') {
        partial = one;
        const inner = child(one, 'force');
        if (inner !== undefined) force = true;
      } else if (one.name !== 'description')
        throw refuse(codes.invalidCommand, ` commit -> ${one.name} unexpected here`);
  };
  if (cmd.name !== 'commit') throw refuse(codes.invalidCommand, ` ${cmd.name} unexpected here`);
  read(cmd);
  return { includes: partial === undefined ? () => true : includedBy(partial), force, partial: partial !== undefined };
}

function includedBy(partial: Element): (change: Change) => boolean {
  for (const one of partial.children)
    if (!words.has(one.name) && one.name !== 'force' && one.name !== 'description')
      throw refuse(codes.invalidCommand, ` partial -> ${one.name} unexpected here`);
  const admins = child(partial, 'admin') === undefined ? undefined : new Set(members(child(partial, 'admin')));
  const excluded = (what: (typeof exclusions)[number]): boolean => descend(partial, what)?.text.trim() === 'excluded';
  const listed = scopeLists.filter((name) => child(partial, name) !== undefined);
  return ({ admin, place }) => {
    if (admins !== undefined && !admins.has(admin)) return false;
    const top = place[1] === 'devices' ? place[3] : place[1];
    const list = scopeLists.find((name) => name === top);
    if (list !== undefined) {
      if (child(partial, `no-${list}`) !== undefined) return false;
      if ((list === 'vsys' || list === 'device-group') && excluded('policy-and-objects')) return false;
      const name = place[4];
      // A list of some scopes leaves the others of every kind out.
      return (
        listed.length === 0 ||
        (name !== undefined && members(child(partial, list)).includes(name.slice('entry '.length)))
      );
    }
    return top === 'shared' ? !excluded('shared-object') : !excluded('device-and-network');
  };
}
