/** A Panorama with one firewall, and what is pushed from it. */
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { told } from './client.fixture.ts';
import { type Flow, Panorama, type PanoramaOptions, PanOs, type PanOsOptions } from './index.ts';
import { descend, type Element } from './xml.ts';

export const D = "/config/devices/entry[@name='localhost.localdomain']";
export const dg = (name: string): string => `${D}/device-group/entry[@name='${name}']`;
export const MS = 100;
export const LAG = 20;
export const web: Flow = {
  source: '10.0.0.1',
  destination: '203.0.113.1',
  protocol: 'tcp',
  destinationPort: 443,
  from: 'k8s',
  to: 'internet',
};

/** A Panorama with the group `edge` below `all`, and one firewall in it. */
export async function border(options: PanoramaOptions = {}, firewallOptions: PanOsOptions = {}) {
  const clock = new FakeClock();
  const panorama = await Panorama.start({
    clock,
    commitMs: MS,
    deviceLagMs: LAG,
    deviceGroups: [{ name: 'all' }, { name: 'edge', parent: 'all' }, { name: 'lab' }],
    ...options,
  });
  const firewall = await PanOs.start({
    clock,
    commitMs: MS,
    serial: '0123456789',
    hostname: 'edge-1',
    ...firewallOptions,
  });
  panorama.manage(firewall, { group: 'edge', zones: ['k8s', 'internet'] });
  const config = (action: string, xpath: string, more: Readonly<Record<string, string>>, admin = 'admin'): string =>
    told(panorama.byHand({ type: 'config', action, xpath, ...more }, admin));
  const job = (id: string): Element | undefined =>
    descend(panorama.byHand({ type: 'op', cmd: `<show><jobs><id>${id}</id></jobs></show>` }), 'result', 'job');
  const push = (cmd: string, admin = 'admin'): string =>
    told(panorama.byHand({ type: 'commit', action: 'all', cmd }, admin));
  return {
    clock,
    panorama,
    firewall,
    config,
    set: (xpath: string, element: string, admin = 'admin') => config('set', xpath, { element }, admin),
    op: (cmd: string, more: Readonly<Record<string, string>> = {}) =>
      told(panorama.byHand({ type: 'op', cmd, ...more })),
    commit(admin = 'admin', cmd = '<commit/>'): string {
      const id = / (\d+)$/.exec(told(panorama.byHand({ type: 'commit', cmd }, admin)))?.[1] ?? '';
      clock.advance(MS);
      return told(job(id) ?? panorama.byHand({}));
    },
    push,
    job,
    rows: (id: string): readonly string[] =>
      (descend(job(id), 'devices')?.children ?? []).map(
        (row) =>
          `${descend(row, 'serial-no')?.text} ${descend(row, 'result')?.text} ${
            descend(row, 'details', 'msg', 'errors')
              ?.children.map(({ text }) => text.trim())
              .join('; ') ?? ''
          }`,
      ),
    /** Pushes, waits for job and devices; gives the rows. */
    pushed(cmd: string, admin = 'admin'): readonly string[] {
      const id = / (\d+)$/.exec(push(cmd, admin))?.[1] ?? '';
      clock.advance(MS + LAG);
      return this.rows(id);
    },
    async [Symbol.asyncDispose]() {
      await panorama[Symbol.asyncDispose]();
      await firewall[Symbol.asyncDispose]();
    },
  };
}

export const all = (name: string, more = ''): string =>
  `<commit-all><shared-policy><device-group><entry name="${name}"/></device-group>${more}</shared-policy></commit-all>`;
export const withTemplate = '<include-template>yes</include-template>';
export const OK = ['0123456789 OK '];
