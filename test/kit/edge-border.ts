/** A live border of one firewall, `edge`, and a copy that follows as pods come. */
import { LiveBorder, until } from './live-border.ts';

export class EdgeBorder {
  readonly live: LiveBorder;
  #pods = 0;

  static async open(): Promise<EdgeBorder> {
    return new EdgeBorder(await LiveBorder.open({ firewalls: ['edge'] }));
  }

  private constructor(live: LiveBorder) {
    this.live = live;
  }

  /** The address of one more running pod. */
  async newPod(): Promise<string> {
    this.#pods += 1;
    const ip = `10.1.0.${this.#pods}`;
    await this.live.pod(podAt(ip), ip);
    return ip;
  }

  arrives(ip: string): Promise<unknown> {
    return until(
      () => this.live.holds('edge'),
      (addresses) => addresses.includes(ip),
    );
  }

  /** The table once nothing is under way any more. */
  settled(): Promise<string> {
    let before = '';
    return until(
      () => this.live.table('edge'),
      (table) => {
        const isSame = table === before && table.includes('judge=none');
        before = table;
        return isSame;
      },
      30_000,
      1_000,
    );
  }
}

/** The name of the pod that came with this address. */
export function podAt(ip: string): string {
  return `pod-${ip.replaceAll('.', '-')}`;
}
