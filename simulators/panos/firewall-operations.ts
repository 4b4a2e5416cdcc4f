import { type Answer, codes, refuse, result, said } from './answer.ts';
import type { PanOs } from './firewall.ts';
import { type Call, changes, type Operation, reads } from './operations.ts';
import type { Quirks } from './quirks.ts';
import { child, element, type Element, textOf } from './xml.ts';

/** The vsys that a request means. */
export const vsysOf = ({ parameters }: { readonly parameters: ReadonlyMap<string, string> }): string =>
  parameters.get('vsys') ?? 'vsys1';

/** Firewalls alone hang these operations on themselves. */
const firewall = ({ device }: Call): PanOs => device as PanOs;

/** What only a firewall understands. */
export const firewallOperations: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['show object registered-ip', reads((call) => firewall(call).userIdOf(vsysOf(call)).show(call.at))],
  [
    'show user ip-user-mapping-mp ip',
    reads((call) => {
      const ip = call.at.text.trim();
      const user = firewall(call).userIdOf(vsysOf(call)).userAt(ip);
      return result(user === undefined ? [] : [element('entry', [element('ip', ip), element('user', user)])]);
    }),
  ],
  [
    'show object dynamic-address-group all',
    reads((call) => result([element('dyn-addr-grp', dynamicGroups(firewall(call), vsysOf(call)))])),
  ],
  ['show system state filter', reads((call) => systemState(firewall(call), call.at.text.trim()))],
  [
    'show config merged',
    reads((call) => {
      const { configuration } = firewall(call);
      const pushed = firewall(call).pushedParts();
      return result([{ ...configuration.running, children: [...configuration.running.children, ...pushed] }]);
    }),
  ],
  [
    'set system setting target-vsys',
    changes((call) => {
      const vsys = call.at.text.trim();
      firewall(call).userIdOf(vsys);
      targets.set(call.connection, vsys);
      return said(`Session target vsys changed to ${vsys}`);
    }),
  ],
  ['request system external-list refresh type ip name', changes(refreshList)],
  ['request system external-list show type ip', reads(showList)],
  [
    'request system external-list list-capacities',
    reads((call) => {
      const { lists, capacity } = firewall(call);
      const row = (type: string, running: number, total: number): Element =>
        element(type, [element('running-cap', String(running)), element('total-cap', String(total))]);
      return result([row('ip', lists.used, capacity['edl-ip']), row('domain', 0, 500_000), row('url', 0, 100_000)]);
    }),
  ],
  ['show high-availability state', reads((call) => firewall(call).ha.show())],
  ['request high-availability sync-to-remote running-config', changes((call) => firewall(call).ha.synchronize())],
  [
    'request high-availability state suspend',
    changes((call) => {
      firewall(call).failOver('suspended');
      return said('Successfully changed HA state to suspended');
    }),
  ],
  [
    'request high-availability state functional',
    changes((call) => {
      firewall(call).ha.comeBack();
      return said('Successfully changed HA state to functional');
    }),
  ],
  ['show session all', reads((call) => firewall(call).sessions.show(sessionFilter(call)))],
  [
    'clear session all',
    changes((call) =>
      firewall(call).quirks.clearsSessions
        ? firewall(call).sessions.end(sessionFilter(call))
        : result([element('member', 'sessions cleared')]),
    ),
  ],
  ['clear session id', changes((call) => firewall(call).sessions.endOne(call.at.text.trim()))],
  [
    'request restart system',
    changes((call) => ({
      status: 'error',
      body: '<msg><line>Command succeeded with no output</line></msg>',
      afterwards: () => firewall(call).reboot(),
    })),
  ],
]);

/** Of each connection the vsys that it has set, for commands without a `vsys` of their own (reference 1.9). */
const targets = new WeakMap<object, string>();

function targetVsys(call: Call): string {
  const vsys = targets.get(call.connection);
  if (vsys !== undefined) return vsys;
  if (firewall(call).vsys.length > 1) throw refuse(codes.invalidCommand, ' no target vsys is set for this session');
  return firewall(call).vsys[0] ?? 'vsys1';
}

function listOf(call: Call, name: string): string {
  const id = firewall(call).listIn(targetVsys(call), name);
  if (id === undefined) throw refuse(codes.notFound, ` external-list ${name} does not exist`);
  return id;
}

function sessionFilter(call: Call): Element | undefined {
  return firewall(call).quirks.heedsSessionFilters ? child(call.at, 'filter') : undefined;
}

/** A job without an id in the answer: it is found among all jobs (reference 1.9). */
function refreshList(call: Call): Answer {
  const device = firewall(call);
  const id = listOf(call, call.at.text.trim());
  device.jobs.enqueue({
    type: 'EDLRefresh',
    user: call.account.name,
    ms: 0,
    begin: () => () => {
      device.lists.refresh(id);
      return { result: 'OK', details: ['EDL refresh job success'] };
    },
  });
  return said('EDL refresh job enqueued');
}

function showList(call: Call): Answer {
  const name = textOf(call.at, 'name') ?? '';
  const { lists, quirks } = firewall(call);
  const id = listOf(call, name);
  const texts = (quirks.showsRefusedLists ? lists.kept(id) : lists.texts(id)) ?? [];
  const anchor = Number(textOf(call.at, 'anchor') ?? '1');
  const records = Number(textOf(call.at, 'num-records') ?? '100');
  if (!(anchor >= 1) || !(records >= 1)) throw refuse(codes.invalidCommand, ' anchor and num-records are 1 or more');
  const page = texts.slice(anchor - 1, anchor - 1 + records);
  return result([element('external-list', listRows(page, texts.length, quirks.listRows))]);
}

/** A page of a list's content, in one of the forms that it may have. */
function listRows(page: readonly string[], total: number, rows: Quirks['listRows']): readonly Element[] | string {
  const counts = [element('total-valid', String(total)), element('total-ignored', '0')];
  switch (rows) {
    case 'member':
      return [
        ...counts,
        element(
          'valid-members',
          page.map((one) => element('member', one)),
        ),
      ];
    case 'entry':
      return [...counts, ...page.map((one) => element('entry', [], { name: one }))];
    case 'line':
      return page.map((one) => element('line', one));
    case 'text':
      return page.map((one) => `${one}\n`).join('');
  }
}

function systemState(device: PanOs, filter: string): Answer {
  const rows = Object.entries<number>({ ...device.capacity })
    .filter(([name]) => name !== 'edl-ip')
    .map(([name, value]) => [`cfg.general.${name}`, `0x${value.toString(16)}`] as const)
    .filter(([name]) => (filter.endsWith('*') ? name.startsWith(filter.slice(0, -1)) : name === filter));
  return result(`<![CDATA[${rows.map(([name, value]) => `${name}: ${value}\n`).join('')}]]>`);
}

function dynamicGroups(device: PanOs, vsys: string): readonly Element[] {
  return device
    .membership(vsys)
    .dynamicGroups()
    .map(({ name, filter, members }) =>
      element('entry', [
        element('vsys', vsys),
        element('group-name', name),
        element('filter', filter),
        element(
          'member-list',
          members.map(({ text, type }) => element('entry', [], { name: text, type })),
        ),
      ]),
    );
}
