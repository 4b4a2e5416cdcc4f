import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PanOs, Panorama } from '../../simulators/panos/index.ts';
import { ACCOUNT } from '../../src/firewalls/panos/lab.fixture.ts';
import { command, type Ended, rememberIn } from './commands.ts';
import { paymentsWorld } from './payments-world.ts';

/** The world of payments behind a firewall with PAN-OS or a Panorama, whose pods reach the bank as 198.51.100.20, for commands. */
export class PanosPayments {
  readonly #folder = mkdtempSync(join(tmpdir(), 'sallyport-panos-'));
  readonly #forget = rememberIn(join(this.#folder, 'state'));
  /** All that commands said so far. */
  said = '';

  /** `options`: YAML of the BorderFirewall's, besides its place and form. `more`: manifests, one or several. */
  constructor(server: PanOs | Panorama, name: string, options: readonly string[], more: string) {
    const credentials = join(this.#folder, 'credentials');
    writeFileSync(credentials, `user: ${ACCOUNT.name}\npassword: ${ACCOUNT.password}\n`);
    writeFileSync(
      this.#manifests,
      `apiVersion: sallyport.dev/v1alpha1
kind: BorderFirewall
metadata: { name: ${name} }
spec:
  driver: panos
  mode: Enforce
  address: ${server.url}
  credentialsRef: { file: ${credentials} }
  tls: { pin: "${server.fingerprint}" }
  options:
    zones: { from: [k8s], to: [internet] }
    position: { before: rest }
    form: Full
    log: All
${options.map((option) => `    ${option}\n`).join('')}  workloads: {}
---
apiVersion: sallyport.dev/v1alpha1
kind: SourceNAT
metadata: { name: bank }
spec:
  namespaceSelector: all()
  selector: app == 'payments'
  destination: { nets: [203.0.113.0/24] }
  translate: { address: 198.51.100.20 }
---
${more}
---
${paymentsWorld}`,
    );
  }

  get #manifests(): string {
    return join(this.#folder, 'border.yaml');
  }

  async run(...words: readonly string[]): Promise<Ended> {
    const ended = await command(...words, '-f', this.#manifests, '--cluster', 'shop');
    this.said += `${ended.text}\n`;
    return ended;
  }

  /** What commands and devices say of the pod's way to the bank. */
  flowToBank(port = 443): Promise<Ended> {
    return this.run('flow', '--from', 'shop/payments-1', '--to', '203.0.113.7', '--port', `${port}`, '--devices');
  }

  close(): void {
    this.#forget();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
