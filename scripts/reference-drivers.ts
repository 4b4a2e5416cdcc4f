import { type AbilityDriver, abilities } from '../src/firewalls/abilities.ts';
import { driverKinds } from '../src/controller/devices/drivers.ts';
import { CONNECTIONS_STAY as fortigateStays } from '../src/firewalls/fortigate/facts.ts';
import { SEVERAL_VSYS as severalVsys } from '../src/firewalls/panos/entries/dialect.ts';

const TITLES: Readonly<Record<AbilityDriver, string>> = {
  nftables: 'nftables',
  fortigate: 'FortiGate',
  panos: 'PAN-OS',
  feed: 'lists',
};

/** `drivers.md`: what each driver can say, as the contract of drivers proves it. */
export function driversPage(): string {
  const drivers = Object.keys(TITLES) as readonly AbilityDriver[];
  const reasons: string[] = [];
  const cell = (says: true | string): string => {
    if (says === true) return 'yes';
    if (!reasons.includes(says)) reasons.push(says);
    return `no [${reasons.indexOf(says) + 1}]`;
  };
  const rows = abilities.map(({ title, says }) => [title, ...drivers.map((driver) => cell(says[driver]))]);
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return `# What each driver can say

By the word in \`spec.driver\` (${[...driverKinds.keys()].map((kind) => `\`${kind}\``).join(', ')}). Each cell is a test of the drivers' contract: a *yes* was written to the
device or its simulator, read back, and every packet of a small world asked about; a *no* is refused with an error that names rule and device, and
opens nothing. FortiGate is asked at FortiOS 7.4.8 with central NAT, PAN-OS at 11.1.

${[line(['', ...Object.values(TITLES)]), line(['---', ...drivers.map(() => '---')]), ...rows.map(line)].join('\n')}

${reasons.map((reason, at) => `${at + 1}. ${reason}`).join('\n')}

## Open connections
What \`established: Cut\` comes to after a change that takes rights away:

- nftables: it ends exactly the connections that are no longer allowed.
- FortiGate: ${fortigateStays}.
- PAN-OS: it ends exactly the connections that are no longer allowed, a moment after the change is confirmed, and reads back that they are gone; where
  the device refuses that, the status says so. Translated ones end where they would leave from another address now. But ${severalVsys}.
- Panorama: the same at each firewall of the device group.
- lists: whoever fetches them decides; nothing is sent there.
`;
}
