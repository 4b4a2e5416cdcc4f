import { result } from './answer.ts';
import type { PanOs } from './firewall.ts';
import { type Call, changes, type Operation, reads } from './operations.ts';
import { element, type Element } from './xml.ts';

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
  [
    'show system state filter',
    reads((call) => {
      const filter = call.at.text.trim();
      const rows = Object.entries<number>({ ...firewall(call).capacity })
        .filter(([name]) => name !== 'edl-ip')
        .map(([name, value]) => [`cfg.general.${name}`, `0x${value.toString(16)}`] as const)
        .filter(([name]) => (filter.endsWith('*') ? name.startsWith(filter.slice(0, -1)) : name === filter));
      return result(`<![CDATA[${rows.map(([name, value]) => `${name}: ${value}\n`).join('')}]]>`);
    }),
  ],
  [
    'request restart system',
    changes((call) => ({
      status: 'error',
      body: '<msg><line>Command succeeded with no output</line></msg>',
      afterwards: () => firewall(call).reboot(),
    })),
  ],
]);

function dynamicGroups(device: PanOs, vsys: string): readonly Element[] {
  return device.dynamicGroups(vsys).map(({ name, filter, members }) =>
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
