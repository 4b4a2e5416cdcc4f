import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { Namespace } from './netns.ts';

/** A port of a namespace's loopback behind which a port of this process's loopback answers, as a Service leads pods to the controller. */
export class Service {
  readonly url: string;
  readonly #server: Server;
  readonly #child: ChildProcess;
  readonly #folder: string;

  static async open(namespace: Namespace, port: number, target: number): Promise<Service> {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-service-'));
    const path = join(folder, 'socket');
    const server = createServer((near) => {
      const far = connect(target, '127.0.0.1');
      near.pipe(far).pipe(near);
      near.on('error', () => far.destroy()).on('close', () => far.destroy());
      far.on('error', () => near.destroy()).on('close', () => near.destroy());
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const child = namespace.start(process.execPath, [join(import.meta.dirname, 'service.mjs'), String(port), path]);
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    return new Service(`http://127.0.0.1:${port}`, server, child, folder);
  }

  private constructor(url: string, server: Server, child: ChildProcess, folder: string) {
    this.url = url;
    this.#server = server;
    this.#child = child;
    this.#folder = folder;
  }

  close(): void {
    this.#child.kill('SIGKILL');
    this.#server.close();
    rmSync(this.#folder, { recursive: true });
  }
}
