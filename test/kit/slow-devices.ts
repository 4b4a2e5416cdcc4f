import { SallyportError } from '../../src/base/error.ts';
import type { OpenDevice } from '../../src/controller/devices/open-device.ts';

/** Real devices whose writes wait: what was sent to a held one reaches it when it is let go, or never. */
export class SlowDevices {
  readonly #held = new Map<string, { readonly end: Promise<void>; readonly letGo: () => void }>();
  readonly #delays = new Map<string, number>();

  /** From now on no write reaches the firewall. */
  hold(firewall: string): void {
    if (this.#held.has(firewall)) return;
    let letGo = (): void => undefined;
    const end = new Promise<void>((resolve) => (letGo = resolve));
    this.#held.set(firewall, { end, letGo });
  }

  letGo(firewall: string): void {
    this.#held.get(firewall)?.letGo();
    this.#held.delete(firewall);
  }

  /** Each write to the firewall reaches it so much later. */
  delay(firewall: string, ms: number): void {
    this.#delays.set(firewall, ms);
  }

  /** The same device, as slow as it is told to be. */
  slowed(firewall: string, device: OpenDevice): OpenDevice {
    const { driver } = device;
    const apply = driver.apply.bind(driver);
    driver.apply = async (step, signal) => {
      const delayMs = this.#delays.get(firewall) ?? 0;
      if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
      await Promise.race([this.#held.get(firewall)?.end, aborted(signal)]);
      if (signal.aborted) throw new SallyportError('DEVICE_UNREACHABLE', 'the firewall did not take it in time');
      await apply(step, signal);
    };
    return device;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
