import { type ChildProcess, spawn } from 'node:child_process';
import process from 'node:process';

/** Nobody who ends at all needs so long. */
const STUCK_MS = 60_000;

/**
 * Does with one program what systemd does with a unit of `Restart=always`: whatever ends it, what is left of its control group is killed, and
 * after a pause whatever file stands at the path then is started.
 */
export class ServiceManager {
  readonly #path: string;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #pauseMs: number;
  #child: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOn = true;
  /** How often it was started. */
  starts = 0;

  constructor(path: string, environment: Readonly<Record<string, string>>, pauseMs = 50) {
    this.#path = path;
    this.#environment = environment;
    this.#pauseMs = pauseMs;
    this.#start();
  }

  /** Kills the main process, as a failure would. */
  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  /** Stops the unit, and resolves when it has ended. */
  async stop(): Promise<void> {
    this.#isOn = false;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child === undefined) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STUCK_MS);
    await ended;
    clearTimeout(timer);
  }

  #start(): void {
    this.starts += 1;
    const child = spawn(this.#path, ['run'], { env: this.#environment, stdio: 'ignore', detached: true });
    this.#child = child;
    const again = (): void => {
      this.#child = undefined;
      killGroup(child.pid);
      if (this.#isOn) this.#timer = setTimeout(() => this.#start(), this.#pauseMs);
    };
    child.once('error', again);
    child.once('exit', again);
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left in it.
  }
}
