import type { Flow } from '../../../engine/flows/flow-set.ts';
import { PortSet } from '../../../ip/port-set.ts';
import { arePortsOf } from '../../passage/packet.ts';
import { type Truth, anyOf, doubt } from '../../passage/truth.ts';
import { agreed } from './address-book.ts';
import { readService } from '../entries/services.ts';
import type { WholeFirewall } from './whole-firewall.ts';
import { type XmlElement, child, membersAt } from '../api/xml.ts';

/** Says whether a name of a service stands for what a flow carries; what was found out of a name is kept. */
export function serviceHolder(objects: WholeFirewall['objects'], flow: Flow): (name: string) => Truth {
  const found = new Map<string, Truth>();
  const holds = (name: string): Truth => {
    const known = found.get(name);
    if (known !== undefined) return known;
    found.set(name, doubt(`service group "${name}" holds itself`));
    const truth = read(name);
    found.set(name, truth);
    return truth;
  };
  const read = (name: string): Truth => {
    if (name === 'any') return true;
    if (name === 'application-default') return doubt('it is for the ports that an application has by default');
    const services = objects.service.get(name) ?? [];
    const groups = objects['service-group'].get(name) ?? [];
    // Those that a device has from the start stand in no configuration.
    if (services.length + groups.length === 0) return doubt(`"${name}" is no service that can be read`);
    return agreed(name, [
      ...services.map((entry) => isOfService(name, entry, flow)),
      ...groups.map((entry) => {
        const members = membersAt(entry, 'members');
        if (members.length === 0) return doubt(`service group "${name}" is empty`);
        return anyOf(members.map((member) => () => holds(member)));
      }),
    ]);
  };
  return holds;
}

/** Reference 1.6. Timeouts of a service (`override`) say nothing about whom it is for. */
function isOfService(name: string, entry: XmlElement, flow: Flow): Truth {
  const protocol = child(entry, 'protocol');
  const match =
    protocol &&
    readService({
      ...protocol,
      children: protocol.children.map((one) => ({
        ...one,
        children: one.children.filter((part) => part.name !== 'override'),
      })),
    });
  const [number] = match?.protocols ?? [];
  if (match === undefined || number === undefined) return doubt(`service "${name}" cannot be read`);
  return arePortsOf({ protocol: number, ports: match.ports ?? PortSet.all, sourcePorts: match.sourcePorts }, flow);
}
