import { compareUtf8 } from '../../base/compare.ts';
import { type Departures, families, type Leaving } from '../../border/seen-address.ts';
import type { LiveWorld } from '../../controller/world/live-world.ts';
import type { Endpoint } from '../../inventory/model.ts';
import { departuresOf } from '../address-holders.ts';
import type { Check } from './checks.ts';

/** One pod of each is shown: the first that there is one of. */
const KINDS: readonly (readonly Leaving[])[] = [['Own'], ['Nat'], ['NoPool', 'Host']];

const TITLES: Readonly<Record<Leaving, string>> = {
  Own: 'of a pool without natOutgoing',
  Nat: 'of a pool with natOutgoing',
  NoPool: 'of no IP pool',
  Host: 'in the network of its node',
};

/** What each firewall sees of three pods, the first by name of each kind of visibility. */
export function checkVisibility(world: LiveWorld): readonly Check[] {
  const departures = departuresOf(world.inventory);
  const pods = [...world.engine.endpoints.values()]
    .filter(({ kind }) => kind === 'Pod')
    .toSorted((a, b) => compareUtf8(a.id, b.id));
  if (pods.length === 0)
    return [{ check: 'visibility', result: 'Skipped', message: 'there is no pod with an address' }];
  const first = new Map<Leaving, Endpoint>();
  for (const pod of pods) {
    const leaving = leavingOf(departures, pod);
    if (leaving !== undefined && !first.has(leaving)) first.set(leaving, pod);
  }
  const samples = KINDS.flatMap((leavings) => {
    const leaving = leavings.find((each) => first.has(each));
    const pod = leaving && first.get(leaving);
    return pod === undefined || leaving === undefined ? [] : [{ pod, why: TITLES[leaving] }];
  });
  const firewalls = [...world.firewalls.keys()].toSorted(compareUtf8);
  return samples.flatMap(({ pod, why }) =>
    firewalls.map((firewall): Check => {
      const { result, message, fix } = seenAt(world, firewall, pod);
      return {
        check: 'visibility',
        subject: `${pod.namespace}/${pod.name}`,
        result,
        message: `${why}: ${firewall} ${message}`,
        ...(fix !== undefined && { fix }),
      };
    }),
  );
}

/** How it leaves its node, in the first family that it has. */
function leavingOf(departures: Departures, endpoint: Endpoint): Leaving | undefined {
  for (const family of families) {
    const leaving = departures.leaving(endpoint, family);
    if (leaving !== undefined) return leaving;
  }
  return undefined;
}

function seenAt(world: LiveWorld, firewall: string, pod: Endpoint): Pick<Check, 'result' | 'message' | 'fix'> {
  const appearance = world.border.appearanceOf(pod.id);
  const sendings = (appearance?.sendings ?? []).filter((sending) => sending.firewall === firewall);
  const unseen = (appearance?.unseen ?? []).filter((each) => each.firewall === firewall);
  if (sendings.length === 0 && unseen.length === 0) return { result: 'OK', message: 'is not on its way' };
  const seen = sendings.map(({ address, blind }) =>
    blind ? `${address}, which others may send from too (blind)` : `${address}, its own`,
  );
  if (unseen.length === 0) return { result: 'OK', message: `sees ${seen.join('; ')}` };
  const isUnsaid = unseen.some(({ why }) => why.kind === 'Unsaid');
  return {
    result: 'Warning',
    message: `${seen.length === 0 ? 'sees' : `sees ${seen.join('; ')}, and`} an address that nobody can tell: what it sends there is dropped or left alone as from a stranger`,
    fix: isUnsaid
      ? `Say \`sees: Pod\` or \`sees: Node\` in BorderFirewall/${firewall}.`
      : `Give node ${pod.node} an address of the type that \`nodeAddress\` of BorderFirewall/${firewall} names.`,
  };
}
