import { codes, refuse } from './answer.ts';
import { child, type Element, entryNames, members, textOf } from './xml.ts';

/** What a `commit-all` asks for. */
export interface PushRequest {
  readonly groups: readonly {
    readonly name: string;
    /** Serials; `undefined`: every firewall of the group. */
    readonly devices: readonly string[] | undefined;
  }[];
  /** Names of templates or stacks that are pushed by themselves. */
  readonly templates: readonly string[];
  readonly includeTemplate: boolean;
  readonly mergeCandidate: boolean;
  /** Whose committed work is pushed; `undefined`: everybody's. */
  readonly admins: readonly string[] | undefined;
}

const flags = ['description', 'force-template-values', 'include-template', 'merge-with-candidate-cfg', 'admin'];

/** Both the newer form with entries and the older one with a name (reference 1.7). */
export function readPush(cmd: Element): PushRequest {
  const [what, ...more] = cmd.children;
  if (cmd.name !== 'commit-all' || what === undefined || more.length > 0)
    throw refuse(codes.invalidCommand, ' commit-all takes one of shared-policy, template, template-stack');
  const own =
    what.name === 'shared-policy' ? ['device-group'] : what.name.startsWith('template') ? ['name', 'device'] : [];
  for (const one of what.children)
    if (![...own, ...flags].includes(one.name))
      throw refuse(codes.invalidCommand, ` ${what.name} -> ${one.name} unexpected here`);
  const admin = child(what, 'admin');
  const common = {
    includeTemplate: textOf(what, 'include-template') === 'yes',
    mergeCandidate: textOf(what, 'merge-with-candidate-cfg') === 'yes',
    admins: admin === undefined ? undefined : members(admin),
  };
  if (what.name !== 'shared-policy') return { groups: [], templates: [textOf(what, 'name') ?? ''], ...common };
  const group = child(what, 'device-group');
  if (group === undefined) throw refuse(codes.invalidCommand, ' device-group is missing');
  const groups =
    group.children.length === 0
      ? [{ name: group.text.trim(), devices: undefined }]
      : group.children.map((one) => {
          const devices = child(one, 'devices');
          return {
            name: one.attributes.get('name') ?? '',
            devices: devices === undefined ? undefined : entryNames(devices),
          };
        });
  return { groups, templates: [], ...common };
}
