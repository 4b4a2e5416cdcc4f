import { SallyportError } from '../base/error.ts';
import { visibleLine } from '../base/visible.ts';
import { codeOfThrown } from '../base/connection-error.ts';
import type { CredentialMaker, MadeCredential } from './given-credentials.ts';

/** The `auth-provider` of a kubeconfig's user: `oidc`, and the old ones of cloud providers. */
export interface AuthProvider {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/**
 * Tokens by the official client library, which is loaded here and nowhere else: that takes the better part of a second and 60 MB. Tokens that it
 * renews stay in this process; the kubeconfig is not written.
 */
export class AuthProviderTokens implements CredentialMaker {
  readonly #provider: AuthProvider;
  #config: Promise<{ applyToHTTPSOptions(options: object): Promise<void> }> | undefined;

  constructor(provider: AuthProvider) {
    this.#provider = provider;
  }

  async make(isFresh: boolean): Promise<MadeCredential> {
    const title = `the auth-provider ${visibleLine(this.#provider.name)}`;
    // It keeps what it got; a new one asks again.
    if (isFresh) this.#config = undefined;
    this.#config ??= this.#load();
    const options: { headers?: Record<string, string> } = {};
    try {
      await (await this.#config).applyToHTTPSOptions(options);
    } catch (thrown) {
      // Its texts may hold tokens.
      throw new SallyportError('API_CREDENTIALS', `${title} failed (${codeOfThrown(thrown) ?? 'no code'})`);
    }
    const [, token] = /^Bearer (\S+)$/.exec(options.headers?.['Authorization'] ?? '') ?? [];
    if (token === undefined) throw new SallyportError('API_CREDENTIALS', `${title} gives no token; log in again`);
    return { token };
  }

  close(): void {}

  async #load(): Promise<{ applyToHTTPSOptions(options: object): Promise<void> }> {
    // The whole library would be half of the text of the single executable.
    const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
    const config = new KubeConfig();
    const { name, config: settings } = this.#provider;
    config.loadFromClusterAndUser(
      { name: 'cluster', server: 'https://not-asked.invalid', skipTLSVerify: false },
      { name: 'user', authProvider: { name, config: { ...settings } } },
    );
    return config;
  }
}
