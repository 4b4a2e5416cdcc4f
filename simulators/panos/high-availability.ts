import { type Answer, codes, refuse, result, said } from './answer.ts';
import type { PanOs } from './firewall.ts';
import { element, type Element } from './xml.ts';

export type HaState = 'active' | 'passive' | 'suspended' | 'non-functional';

/** One half of an active/passive pair. The reference tells of it by three messages only; see the page of simulators for what was chosen. */
export class HighAvailability {
  readonly #self: PanOs;
  #peer: HighAvailability | undefined;
  state: HaState = 'active';
  /** While false, configurations are not carried over. */
  #link = true;
  #synchronized = true;

  constructor(self: PanOs) {
    this.#self = self;
  }

  static join(active: HighAvailability, passive: HighAvailability): void {
    active.#peer = passive;
    passive.#peer = active;
    active.state = 'active';
    passive.state = 'passive';
    active.carryOver();
  }

  get enabled(): boolean {
    return this.#peer !== undefined;
  }

  /** Whether traffic goes through this one. */
  get carries(): boolean {
    return this.state === 'active';
  }

  /** The link between the two, by which configurations travel. */
  set link(works: boolean) {
    this.#link = works;
    if (this.#peer !== undefined) this.#peer.#link = works;
  }

  /** This one's configuration becomes the other one's: its running and, with everything uncommitted, its candidate. */
  carryOver(): void {
    const peer = this.#peer;
    if (peer === undefined) return;
    const works = this.#link && peer.state !== 'non-functional' && this.state !== 'non-functional';
    this.#synchronized = works;
    peer.#synchronized = works;
    if (works) peer.#self.takeOver(this.#self.configuration.running);
  }

  /** Registered addresses too, where a pair shares them. */
  carryRegistered(vsys: string): void {
    const peer = this.#peer;
    if (peer !== undefined && this.#link && this.#self.quirks.haSharesRegistered)
      peer.#self.userIdOf(vsys).copyFrom(this.#self.userIdOf(vsys));
  }

  /** The other one takes the traffic over. */
  failOver(becomes: HaState = 'passive'): void {
    if (this.#peer === undefined) return;
    const carried = this.carries;
    this.state = becomes;
    if (carried && this.#peer.state === 'passive') this.#peer.state = 'active';
  }

  /** Back after a restart, or made functional again: active only if the other one is not. */
  comeBack(): void {
    if (this.#peer !== undefined) this.state = this.#peer.carries ? 'passive' : 'active';
  }

  synchronize(): Answer {
    const peer = this.#peer;
    if (peer === undefined) throw refuse(codes.notPossible, 'High-availability is not enabled');
    if (peer.#self.jobs.active) throw refuse(codes.notPossible, 'Another sync is in progress. Please try again later');
    this.carryOver();
    if (!this.#synchronized)
      throw refuse(codes.notPossible, 'Failed to synchronize running configuration with HA peer');
    return said('Successfully synchronized running configuration with HA peer');
  }

  show(): Answer {
    const peer = this.#peer;
    if (peer === undefined) return result([element('enabled', 'no')]);
    const half = (name: string, { state }: HighAvailability, more: readonly Element[]): Element =>
      element(name, [element('state', state), ...more]);
    return result([
      element('enabled', 'yes'),
      element('group', [
        element('mode', 'Active-Passive'),
        half('local-info', this, [element('serial-num', this.#self.serial), element('mgmt-ip', '127.0.0.1')]),
        half('peer-info', peer, [
          element('serial-num', peer.#self.serial),
          element('conn-status', this.#link ? 'up' : 'down'),
        ]),
        element('running-sync', this.#synchronized ? 'synchronized' : 'not synchronized'),
        element('running-sync-enabled', 'yes'),
      ]),
    ]);
  }
}
