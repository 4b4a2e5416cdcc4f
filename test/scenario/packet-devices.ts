import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BorderFirewall } from '../../src/api/resource.ts';
import { silentLog } from '../../src/base/log.ts';
import type { OpenDevice } from '../../src/controller/devices/open-device.ts';
import { openDevice } from '../../src/controller/devices/devices.ts';
import { NftablesDriver } from '../../src/firewalls/nftables/driver.ts';
import type { Behaviour } from '../../src/plan/behaviour.ts';
import type { PacketText } from '../../src/plan/fate.ts';
import { Border } from '../kit/border.ts';
import { type Arrival, type Devices, type StepKind, note } from './device.ts';

/** Where pods and nodes of stories live. */
const INSIDE = ['10.0.0.0/8', '192.168.1.0/24', 'fd00:1::/64', 'fd01::/64'];
/** What SourceNATs of stories translate to. */
const TRANSLATED = ['192.0.2.0/24'];

/**
 * One Linux firewall between pods and the world, in namespaces. Each packet that a story asks about is sent; places on either side get
 * the addresses and servers that it needs.
 */
export class PacketDevices implements Devices {
  readonly takesTime = true;
  readonly #border: Border;
  readonly #folder = mkdtempSync(join(tmpdir(), 'sallyport-story-'));
  readonly #made = new Set<string>();
  readonly #sent: StepKind[] = [];

  private constructor(border: Border) {
    this.#border = border;
  }

  static async open(): Promise<PacketDevices> {
    return new PacketDevices(await Border.open({ pods: [], podNets: INSIDE, outside: [], translated: TRANSLATED }, []));
  }

  open(firewall: BorderFirewall): OpenDevice {
    const device = openDevice(
      { ...firewall, address: `netns:${this.#border.firewall.name}` },
      { log: silentLog, cluster: 'scenario', stateFolder: this.#folder, by: 'test' },
    );
    note(device.driver, this.#sent);
    return device;
  }

  /** By a reader that did not write. */
  async behaviour(): Promise<Behaviour> {
    const address = `netns:${this.#border.firewall.name}`;
    const reader = new NftablesDriver({ address, directory: this.#folder, log: silentLog });
    const { behaviour } = await reader.observe(new AbortController().signal);
    return behaviour;
  }

  sent(): readonly StepKind[] {
    return this.#sent;
  }

  tookDown(): boolean {
    return false;
  }

  allowNext(): void {}

  async send({ source, destination, protocol, destinationPort = 0 }: PacketText): Promise<Arrival> {
    const { firewall, inside, outside } = this.#border;
    const length = source.includes(':') ? 128 : 32;
    const next = source.includes(':') ? 'fdee:0:0:2::2' : '192.168.251.2';
    await this.#once(`from ${source}`, () => inside.namespace.ip(`addr add ${source}/${length} dev pod0`));
    await this.#once(`to ${destination}`, async () => {
      await outside.namespace.ip(`addr add ${destination}/${length} dev out0`);
      await firewall.ip(`route add ${destination}/${length} via ${next}`);
    });
    const target = { from: source, to: destination, port: destinationPort };
    const any = source.includes(':') ? '::' : '0.0.0.0';
    const isPing = protocol === 1 || protocol === 58;
    if (isPing) return { passes: await inside.ping(target) };
    const isTcp = protocol === 6;
    await this.#once(`${any} ${destinationPort}/${protocol}`, () =>
      isTcp ? outside.listenTcp(any, destinationPort) : outside.listenUdp(any, destinationPort),
    );
    const { outcome, source: from } = await (isTcp ? inside.tcp(target) : inside.udp(target));
    return from === undefined || outcome !== 'passed' ? { passes: false } : { passes: true, from };
  }

  async close(): Promise<void> {
    await this.#border.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #once(what: string, make: () => Promise<void>): Promise<void> {
    if (this.#made.has(what)) return;
    this.#made.add(what);
    await make();
  }
}
