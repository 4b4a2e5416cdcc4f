import type { Epoch } from '../../src/base/epoch.ts';
import type { RecordPlace } from '../../src/firewalls/worker/confirmed-keeper.ts';
import { SealChain } from '../../src/firewalls/confirmed/sealed-text.ts';

/** Texts as they are written one after the other, each sealed. */
export function sealed(...texts: readonly string[]): string {
  const seals = new SealChain();
  return texts.map((text) => (seals.add(text), text + seals.end())).join('');
}

/** As a disk: what was kept is text, and outlives whoever kept it. Whoever is dead writes no more. */
export class RecordDisk {
  text: string | undefined;
  isFull = false;
  isStuck = false;
  room = 1_000_000;
  writes = 0;
  wholes = 0;

  /** Somebody writes something else there, and seals it as whoever keeps a record does. */
  forge(change: (text: string) => string): void {
    this.text = sealed(change((this.text ?? '').replaceAll(/^=.*\n/gm, '')));
  }

  /** For one process; what it had written stays, what it writes after `die` does not arrive. */
  open(
    of = { cluster: 'lab', firewall: 'edge-1', device: 'd' },
    epoch?: Epoch,
  ): { readonly place: RecordPlace; readonly die: () => void } {
    let isDead = false;
    const write = (next: (text: string) => string | undefined): Promise<void> => {
      if (isDead) return Promise.resolve();
      if (this.isFull) return Promise.reject(new Error('the disk is full'));
      this.writes += 1;
      this.text = next(this.text ?? '');
      return Promise.resolve();
    };
    const place: RecordPlace = {
      of,
      room: this.room,
      writer: () => epoch,
      load: () => Promise.resolve(this.text),
      replace: (chunks) => {
        this.wholes += 1;
        return write(() => chunks.join(''));
      },
      append: (text) => write((before) => before + text),
      remove: () => {
        if (!this.isStuck && !isDead) this.text = undefined;
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    };
    return { place, die: () => void (isDead = true) };
  }
}
