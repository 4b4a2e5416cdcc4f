/** A firewall that is asked by hand for what its configuration does. */
import { told, vsys } from './client.fixture.ts';
import { PanOs, type PanOsOptions } from './index.ts';

export const zones = ['k8s', 'internet'];
export const DONE = 'success 20: command succeeded';

/** Asks past the network: what is tested here is what the configuration does. */
export async function device(options: PanOsOptions = {}) {
  const firewall = await PanOs.start({ zones, ...options });
  const ask =
    (action: string) =>
    (xpath: string, more: Readonly<Record<string, string>> | string = {}, admin = 'admin'): string =>
      told(
        firewall.byHand(
          {
            type: 'config',
            action,
            xpath: xpath.startsWith('/') ? xpath : `${vsys}/${xpath}`,
            ...(typeof more === 'string' ? { element: more } : more),
          },
          admin,
        ),
      );
  const candidate = (): string => firewall.dumpCandidate();
  return Object.assign(firewall, {
    set: ask('set'),
    edit: ask('edit'),
    get: ask('get'),
    show: ask('show'),
    remove: ask('delete'),
    move: ask('move'),
    rename: ask('rename'),
    clone: ask('clone'),
    candidate,
    order: (folder = 'security') =>
      [...candidate().matchAll(/<entry name="(r\d)">/g)].map(([, name]) => name).join(folder === '' ? '' : ' '),
  });
}

export const address = (name: string, ip = '10.0.0.1') =>
  [`address/entry[@name='${name}']`, `<ip-netmask>${ip}</ip-netmask>`] as const;
