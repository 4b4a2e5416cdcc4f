/** A firewall whose commits take time by the test alone, and several administrators of it. */
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { told, vsys } from './client.fixture.ts';
import { PanOs, type PanOsOptions } from './index.ts';
import { descend } from './xml.ts';

export const zones = ['k8s', 'internet'];
export const MS = 1000;

export async function device(options: PanOsOptions = {}) {
  const clock = new FakeClock();
  const firewall = await PanOs.start({ zones, clock, commitMs: MS, ...options });
  const write = (action: string, xpath: string, element: string, admin: string): string =>
    told(
      firewall.byHand(
        { type: 'config', action, xpath: xpath.startsWith('/') ? xpath : `${vsys}/${xpath}`, element },
        admin,
      ),
    );
  const op = (cmd: string, admin = 'admin', more: Readonly<Record<string, string>> = {}): string =>
    told(firewall.byHand({ type: 'op', cmd, ...more }, admin));
  const start = (cmd = '<commit/>', admin = 'admin', action = ''): string =>
    told(firewall.byHand({ type: 'commit', cmd, ...(action === '' ? {} : { action }) }, admin));
  const job = (id: number): string => {
    const row = descend(
      firewall.byHand({ type: 'op', cmd: `<show><jobs><id>${id}</id></jobs></show>` }),
      'result',
      'job',
    );
    const text = (name: string): string => descend(row, name)?.text ?? '';
    const details = descend(row, 'details')?.children.map((one) => one.text) ?? [];
    return `${text('status')} ${text('result')} ${text('progress')}: ${details.join(' | ')}`;
  };
  return Object.assign(firewall, {
    time: clock,
    set: (xpath: string, element: string, admin = 'admin') => write('set', xpath, element, admin),
    edit: (xpath: string, element: string, admin = 'admin') => write('edit', xpath, element, admin),
    remove: (xpath: string, admin = 'admin') => write('delete', xpath, '', admin),
    op,
    start,
    job,
    /** Commits and waits for the end; gives the details. */
    commit(cmd = '<commit/>', admin = 'admin'): string {
      const id = / (\d+)$/.exec(start(cmd, admin))?.[1];
      clock.advance(MS);
      return id === undefined ? 'no job' : job(Number(id));
    },
    runs: () => firewall.dump(),
  });
}

export const put = (name: string, ip = '10.0.0.1') =>
  [`address/entry[@name='${name}']`, `<ip-netmask>${ip}</ip-netmask>`] as const;
export const partial = (inside: string): string =>
  `<commit><description>x</description><partial>${inside}</partial></commit>`;
export const byAdmin = (name: string): string => partial(`<admin><member>${name}</member></admin>`);
