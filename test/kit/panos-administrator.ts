import { type OwnCertificate, ownCertificate } from '../../simulators/frame/certificate.ts';
import type { PanOs, Panorama } from '../../simulators/panos/index.ts';
import type { Administrator } from '../../src/firewalls/contract/bad-days-harness.ts';
import { byHand, commitByHand } from '../../src/firewalls/panos/lab.fixture.ts';
import { commitOn, editGroup, pushFrom } from '../../src/firewalls/panos/panorama/lab.fixture.ts';
import type { CommitClock } from './commit-clock.ts';

const RULE = 'by our group';

/** One edit in the scope in which his rules stand; absent `element`: what the action needs is in `rest`. */
type Edit = (action: string, path: string, rest?: Readonly<Record<string, string>>) => void;

/** Whoever owns a firewall. */
export function ownerOf(device: PanOs, clock: CommitClock): Administrator {
  const edit: Edit = (action, path, rest) => byHand(device, action, path, rest);
  return administrator({ server: device, firewalls: [device], clock }, '/rulebase', edit, () => commitByHand(device));
}

/** Whoever owns a Panorama with a device group. */
export function ownerOfGroup(panorama: Panorama, firewalls: readonly PanOs[], clock: CommitClock): Administrator {
  const edit: Edit = (action, path, rest) => editGroup(panorama, action, path, rest);
  return administrator({ server: panorama, firewalls, clock }, '/pre-rulebase', edit, async () => {
    await commitOn(panorama);
    await pushFrom(panorama);
  });
}

interface Stage {
  readonly server: PanOs | Panorama;
  readonly firewalls: readonly PanOs[];
  readonly clock: CommitClock;
}

function administrator({ server, firewalls, clock }: Stage, base: string, edit: Edit, publish: () => Promise<void>) {
  let own: OwnCertificate | undefined;
  const rule = `${base}/security/rules/entry[@name='${RULE}']`;
  return {
    async denies(group: string) {
      edit('set', rule, { element: denying(group) });
      edit('move', rule, { where: 'top' });
      await publish();
    },
    async renames(group: string, to: string) {
      edit('rename', `/address-group/entry[@name='${group}']`, { newname: to });
      await publish();
    },
    meets: (source: string) => firewalls.map((firewall) => meets(firewall, source)),
    async forgets() {
      edit('delete', rule);
      await publish();
    },
    shows(which: 'another' | 'its own') {
      if (which === 'another') own = server.front.certificate;
      show(server, which === 'its own' ? own : undefined, clock);
    },
    asked: () => server.served.length,
  };
}

function denying(group: string): string {
  return (
    '<from><member>any</member></from><to><member>any</member></to>' +
    `<source><member>${group}</member></source><destination><member>any</member></destination>` +
    '<application><member>any</member></application><service><member>any</member></service><action>deny</action>'
  );
}

function meets(device: PanOs, source: string): boolean {
  const ends = { destination: '203.0.113.7', destinationPort: 443, sourcePort: 50_000, from: 'k8s', to: 'internet' };
  return device.passes({ source, protocol: 'tcp', ...ends }).rule === RULE;
}

/** From now on it shows this certificate, or one of somebody else; connections that stood are cut. */
function show({ front }: PanOs | Panorama, certificate: OwnCertificate | undefined, clock: CommitClock): void {
  const to = clock.wall() + 1e12;
  front.present(certificate ?? ownCertificate({ commonName: 'another', names: ['127.0.0.1'], from: 0, to }));
  front.down();
  front.up();
}
