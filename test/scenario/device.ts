import type { BorderFirewall } from '../../src/api/resource.ts';
import { encodeForDevice } from '../../src/base/encode.ts';
import { SallyportError } from '../../src/base/error.ts';
import type { OpenDevice } from '../../src/controller/devices/open-device.ts';
import type { Driver } from '../../src/firewalls/driver.ts';
import { type DeathPoint, MemoryDevice } from '../../src/firewalls/memory/device.ts';
import { MemoryDriver } from '../../src/firewalls/memory/memory-driver.ts';
import type { Program } from '../../src/firewalls/memory/program.ts';
import { lift } from '../../src/firewalls/memory/read-back.ts';
import { soleWriter } from '../../src/firewalls/writer-lock.ts';
import { compareAddresses, formatAddress, parseAddress } from '../../src/ip/address.ts';
import type { Behaviour } from '../../src/plan/behaviour.ts';
import type { PacketText } from '../../src/plan/fate.ts';
import type { Step } from '../../src/plan/step.ts';

export type StepKind = Step['kind'];

/** What became of a packet that was sent: whether it was answered, and which source the far side saw, if that can tell. */
export interface Arrival {
  readonly passes: boolean;
  readonly from?: string;
}

/** Everything that a story does with the devices at the border, whatever they are. One device for each address of a BorderFirewall. */
export interface Devices {
  /** True where what happens takes real time, and a story has to wait for it. */
  readonly takesTime: boolean;
  open(firewall: BorderFirewall): OpenDevice;
  /** What the device does, as read back from it now. */
  behaviour(firewall: BorderFirewall): Promise<Behaviour>;
  /** What was sent to devices since the story began. */
  sent(): readonly StepKind[];
  /** Whether the process that talked to them died with a write; then nobody writes any more. */
  tookDown(): boolean;
  /** Another process may write. */
  allowNext(): void;
  /** Sends a packet, where there are any. */
  send?(packet: PacketText): Promise<Arrival>;
  close(): Promise<void>;
}

function sortedAddresses(texts: readonly string[]): readonly string[] {
  const addresses = texts.map(parseAddress).filter((address) => address !== undefined);
  return addresses.sort(compareAddresses).map(formatAddress);
}

/** Notes the steps that a driver sends, whatever becomes of them. */
export function note(driver: Driver, sent: StepKind[]): void {
  const apply = driver.apply.bind(driver);
  driver.apply = async (step, signal) => {
    sent.push(step.kind);
    await apply(step, signal);
  };
}

/** Where the process is to end: with the write after so many others. */
interface Ambush {
  readonly point: DeathPoint;
  left: number;
}

/** Firewalls in memory, which a story can edit by hand, and which can take the controller's process down with them. */
export class MemoryDevices implements Devices {
  readonly takesTime = false;
  readonly #devices = new Map<string, MemoryDevice>();
  /** Requests that will not be answered, by address. */
  readonly #silent = new Map<string, number>();
  readonly #sent: StepKind[] = [];
  #ambush: Ambush | undefined;
  /** The process that talked to them is gone: nobody writes until `allowNext`. */
  #dead = false;

  tookDown(): boolean {
    return this.#dead;
  }

  at(address: string): MemoryDevice {
    let device = this.#devices.get(address);
    if (device === undefined) this.#devices.set(address, (device = this.#make(address)));
    return device;
  }

  open(firewall: BorderFirewall): OpenDevice {
    const driver = new MemoryDriver(this.at(firewall.address));
    note(driver, this.#sent);
    return { driver, lock: soleWriter, close: () => Promise.resolve() };
  }

  /** Read past the network: a firewall that cannot be reached holds something all the same. */
  program(address: string): Program {
    return MemoryDevice.prototype.read.call(this.at(address)).program;
  }

  behaviour(firewall: BorderFirewall): Promise<Behaviour> {
    return Promise.resolve(lift(this.program(firewall.address)));
  }

  /** The members of a named group, of both families; absent where there is no such group. */
  groupMembers({ address }: BorderFirewall, name: string): readonly string[] | undefined {
    const { objects, tables } = this.program(address);
    const named = `"deviceName":${JSON.stringify(encodeForDevice(name, 100))}`;
    const keys = [...objects].flatMap(([key, text]) => (key.startsWith('group ') && text.includes(named) ? [key] : []));
    if (keys.length === 0) return undefined;
    return sortedAddresses(keys.flatMap((key) => [...(tables.get(key)?.keys() ?? [])]));
  }

  sent(): readonly StepKind[] {
    return this.#sent;
  }

  /** The next so many requests to a device are not answered. */
  silence(address: string, requests: number): void {
    this.#silent.set(address, requests);
  }

  /** The process dies with a write to any of the devices, the first one being number 1. */
  killAt(point: DeathPoint, write: number): void {
    this.#ambush = { point, left: write - 1 };
  }

  spare(): void {
    this.#ambush = undefined;
  }

  allowNext(): void {
    this.#dead = false;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #make(address: string): MemoryDevice {
    const device = new MemoryDevice(['accept what comes from 192.0.2.0/24', 'drop the rest of "them"']);
    const answer = (): void => {
      const left = this.#silent.get(address) ?? 0;
      this.#silent.set(address, left - 1);
      if (left > 0) throw new SallyportError('DEVICE_UNREACHABLE', 'no route to the firewall');
    };
    const read = device.read.bind(device);
    device.read = () => {
      answer();
      return read();
    };
    const commit = device.commit.bind(device);
    device.commit = (transaction) => {
      answer();
      if (this.#dead) throw new Error('nobody is left to write');
      const ambush = this.#ambush;
      if (ambush !== undefined && ambush.left-- === 0) {
        this.#ambush = undefined;
        this.#dead = true;
        device.dieAt(ambush.point);
      }
      commit(transaction);
    };
    return device;
  }
}
