import { type BorderFirewall, resourceKey } from '../api/resource.ts';
import { compareUtf8 } from '../base/compare.ts';
import { withoutPassword } from '../base/without-password.ts';
import type { Facts } from './facts.ts';
import { type Finding, stalled } from './finding.ts';
import { type Chains, chainsOf } from './way.ts';

/** Options that tell two parts of one device apart: virtual domains and the like. */
const SCOPES = ['vdom', 'adom', 'deviceGroup', 'vsys', 'domain', 'package'] as const;

/** Mistakes that leave a firewall without ruleset, by firewall; found by looking at all of them together. */
export function firewallErrors(
  firewalls: readonly BorderFirewall[],
  chains: Chains,
): ReadonlyMap<string, readonly Finding[]> {
  const found = new Map<string, Finding[]>();
  const say = (firewall: BorderFirewall, code: Finding['code'], path: string, message: string): void => {
    const list = found.get(firewall.name) ?? [];
    list.push(stalled(firewall, firewall, { code, path, message }));
    found.set(firewall.name, list);
  };

  const byDevice = new Map<string, BorderFirewall[]>();
  for (const firewall of firewalls) {
    const device = deviceOf(firewall);
    byDevice.set(device, [...(byDevice.get(device) ?? []), firewall]);
  }
  for (const same of byDevice.values())
    for (const firewall of same) {
      const others = same
        .filter((each) => each !== firewall)
        .map(resourceKey)
        .sort(compareUtf8);
      if (others.length > 0)
        say(
          firewall,
          'BORDER_DEVICE_TWICE',
          'spec.address',
          `${others.join(', ')} also is the ${firewall.driver} device at ${withoutPassword(firewall.address)}; one device has one BorderFirewall`,
        );
    }

  const byName = new Map(firewalls.map((firewall) => [firewall.name, firewall]));
  for (const [name, circle] of chains.cycles) {
    const firewall = byName.get(name);
    if (firewall !== undefined)
      say(
        firewall,
        'BORDER_BEHIND_CIRCLE',
        'spec.behind',
        `it stands behind itself: ${circle.join(' behind ')}; \`behind\` names firewalls nearer to the pods only`,
      );
  }
  for (const [name, missing] of chains.unknown) {
    const firewall = byName.get(name);
    if (firewall !== undefined)
      say(
        firewall,
        'BORDER_FIREWALL_UNKNOWN',
        'spec.behind',
        `there is no BorderFirewall ${missing.map((each) => JSON.stringify(each)).join(', ')}, or none that can be read; what it sees cannot be known without`,
      );
  }
  // What stands behind a circle or behind nothing sees addresses that nobody can tell, too.
  for (const firewall of firewalls) {
    const nearer = (chains.byExit.get(firewall.name) ?? []).filter((name) => name !== firewall.name);
    const broken = nearer.filter((name) => chains.cycles.has(name) || chains.unknown.has(name)).sort(compareUtf8);
    if (broken.length > 0)
      say(
        firewall,
        'BORDER_BEHIND_BROKEN',
        'spec.behind',
        `it stands behind ${broken.join(', ')}, whose own \`behind\` is wrong; mend that first`,
      );
  }
  return found;
}

function deviceOf({ driver, address, options }: BorderFirewall): string {
  // Host names are the same in any case, names of network namespaces are not.
  const place = address.startsWith('netns:') ? address : address.toLowerCase();
  return JSON.stringify([driver, place, ...SCOPES.map((scope) => options[scope] ?? null)]);
}

/** Objects that name firewalls which do not exist; the other names work (design section 5). */
export function nameErrors(facts: Facts): Finding[] {
  return [...unknownNames(facts), ...canaryErrors(facts.firewalls)];
}

/** Firewalls whose canaries will never let them change rules. */
function canaryErrors(firewalls: readonly BorderFirewall[]): Finding[] {
  const { cycles, unknown } = chainsOf(
    firewalls.map(({ name, destinations, guard }) => ({ name, destinations, behind: guard.after })),
  );
  return firewalls.flatMap((firewall) => {
    const say = (code: Finding['code'], message: string): Finding => ({
      severity: 'error',
      code,
      condition: 'Waiting',
      object: resourceKey(firewall),
      firewall: firewall.name,
      path: 'spec.guard.after',
      message,
      at: firewall.place,
    });
    const missing = unknown.get(firewall.name)?.map((name) => JSON.stringify(name)) ?? [];
    const circle = cycles.get(firewall.name);
    return [
      ...(missing.length === 0
        ? []
        : [
            say(
              'BORDER_FIREWALL_UNKNOWN',
              `there is no BorderFirewall ${missing.join(', ')}, or none that can be read; rules wait for it here`,
            ),
          ]),
      ...(circle === undefined
        ? []
        : [say('BORDER_AFTER_CIRCLE', `it waits for itself: ${circle.join(' after ')}; rules wait for ever here`)]),
    ];
  });
}

function unknownNames(facts: Facts): Finding[] {
  const known = new Set(facts.firewalls.map((firewall) => firewall.name));
  const named = [
    ...[...facts.clusterBorderPolicies, ...facts.borderPolicies].map((resource) => ({
      resource,
      names: resource.spec.firewalls,
    })),
    ...[...facts.addressGroups, ...facts.sourceNats].map((resource) => ({ resource, names: resource.firewalls })),
  ];
  return named.flatMap(({ resource, names }) =>
    (names ?? []).flatMap((name, index) =>
      known.has(name)
        ? []
        : [
            {
              severity: 'error',
              code: 'BORDER_FIREWALL_UNKNOWN',
              condition: 'Stalled',
              object: resourceKey(resource),
              path: `spec.firewalls[${index}]`,
              message: `there is no BorderFirewall ${JSON.stringify(name)}, or none that can be read; correct or remove the name, or mend that BorderFirewall; the other names work`,
              at: resource.place,
            } satisfies Finding,
          ],
    ),
  );
}
