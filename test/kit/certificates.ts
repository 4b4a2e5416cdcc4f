import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate and its key, as PEM and as files. */
export interface Issued {
  readonly certificate: string;
  readonly key: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** A certificate authority made by `openssl` in a folder that the caller removes. */
export class Authority {
  readonly #folder: string;
  readonly #name: string;
  #issued = 0;
  readonly certificate: string;

  constructor(folder: string, name = 'test CA') {
    this.#folder = folder;
    this.#name = name.replaceAll(' ', '-');
    openssl(
      folder,
      'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -addext keyUsage=critical,keyCertSign,cRLSign',
      { subj: `/CN=${name}`, keyout: `${this.#name}.key`, out: `${this.#name}.crt` },
    );
    this.certificate = readFileSync(this.file, 'utf8');
  }

  get file(): string {
    return join(this.#folder, `${this.#name}.crt`);
  }

  /** `names`: `IP:127.0.0.1,DNS:localhost`. `expired`: it ended yesterday. */
  issue(
    subject: string,
    { names, expired = false }: { readonly names?: string; readonly expired?: boolean } = {},
  ): Issued {
    this.#issued += 1;
    const base = `${this.#name}-${this.#issued}`;
    const extensions = `basicConstraints=CA:FALSE\n${names === undefined ? '' : `subjectAltName=${names}\n`}`;
    writeFileSync(join(this.#folder, `${base}.ext`), extensions);
    openssl(this.#folder, 'req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes', {
      subj: subject,
      keyout: `${base}.key`,
      out: `${base}.csr`,
    });
    openssl(this.#folder, 'x509 -req', {
      in: `${base}.csr`,
      CA: `${this.#name}.crt`,
      CAkey: `${this.#name}.key`,
      extfile: `${base}.ext`,
      days: expired ? '-1' : '2',
      out: `${base}.crt`,
    });
    return {
      certificate: readFileSync(join(this.#folder, `${base}.crt`), 'utf8'),
      key: readFileSync(join(this.#folder, `${base}.key`), 'utf8'),
      certificateFile: join(this.#folder, `${base}.crt`),
      keyFile: join(this.#folder, `${base}.key`),
    };
  }
}

function openssl(folder: string, command: string, options: Readonly<Record<string, string>>): void {
  const args = [...command.split(' '), ...Object.entries(options).flatMap(([name, value]) => [`-${name}`, value])];
  execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
}
