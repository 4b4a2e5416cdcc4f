import { codes, refuse, result } from './answer.ts';
import { stamp } from './jobs.ts';
import { type Call, changes, type Operation, reads } from './operations.ts';
import type { Panorama } from './panorama.ts';
import { element, type Element, entry, textOf } from './xml.ts';

/** A Panorama alone hangs these operations on itself. */
const panorama = ({ device }: Call): Panorama => device as Panorama;

/** What only a Panorama understands. */
export const panoramaOperations: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  [
    'show dg-hierarchy',
    reads((call) => {
      const device = panorama(call);
      const groups = device.groups();
      const below = (parent: string | undefined): readonly Element[] =>
        groups
          .filter((name) => device.parents.get(name) === parent)
          .map((name) => element('dg', below(name), { name }));
      return result([element('dg-hierarchy', below(undefined))]);
    }),
  ],
  [
    'request move-dg',
    changes((call) => {
      const [group] = call.at.children;
      const parent = textOf(group, 'new-parent-dg');
      if (group === undefined || parent === undefined)
        throw refuse(codes.malformedCommand, ' new-parent-dg is missing');
      return panorama(call).moveGroup(group.attributes.get('name') ?? '', parent);
    }),
  ],
  [
    'show devicegroups',
    reads((call) => {
      const device = panorama(call);
      return result([
        element(
          'devicegroups',
          device.groups().map((name) => entry(name, [devices(call, false, device.members(name))])),
        ),
      ]);
    }),
  ],
  ['show devices connected', reads((call) => result([devices(call, true)]))],
  ['show devices all', reads((call) => result([devices(call, false)]))],
  ['show object registered-ip', reads((call) => panorama(call).users.show(call.at))],
  [
    'request restart system',
    changes((call) => ({
      status: 'error',
      body: '<msg><line>Command succeeded with no output</line></msg>',
      afterwards: () => panorama(call).reboot(),
    })),
  ],
]);

/** `serials`: only these. */
function devices(call: Call, onlyConnected: boolean, serials?: readonly string[]): Element {
  const rows = panorama(call)
    .managed()
    .filter(({ connected, firewall }) => (connected || !onlyConnected) && serials?.includes(firewall.serial) !== false)
    .map(({ firewall, connected }) =>
      entry(firewall.serial, [
        element('serial', firewall.serial),
        element('connected', connected ? 'yes' : 'no'),
        element('hostname', firewall.hostname),
        element('ip-address', '127.0.0.1'),
        element('model', firewall.model),
        element('sw-version', firewall.version),
        element('multi-vsys', firewall.vsys.length > 1 ? 'yes' : 'no'),
        element('last-seen', stamp(firewall.clock.wall())),
        ...(firewall.ha.enabled ? [element('ha', [element('state', firewall.ha.state)])] : []),
        element(
          'vsys',
          firewall.vsys.map((name) => entry(name, [element('display-name', name)])),
        ),
      ]),
    );
  return element('devices', rows);
}
