import process from 'node:process';
import type { ListenAt } from '../../../simulators/frame/listener.ts';
import type { Simulate, Simulated } from '../../../simulators/frame/simulated.ts';
import { columns } from '../../base/columns.ts';
import { SallyportError } from '../../base/error.ts';
import { type ExitCode, exit } from '../exit.ts';
import type { Terminal } from '../terminal.ts';

interface SimulateCommandOptions {
  readonly version?: string;
  readonly model?: string;
  readonly listen: string;
  readonly plain?: true;
  readonly latency: number;
}

/** Each is loaded when it is asked for. */
const vendors: Readonly<Record<string, () => Promise<Simulate>>> = {
  fortigate: async () => (await import('../../../simulators/fortigate/command.ts')).simulateFortiGate,
  metal: async () => (await import('../../../simulators/metal/command.ts')).simulateMetal,
  panos: async () => (await import('../../../simulators/panos/command.ts')).simulatePanOs,
  panorama: async () => (await import('../../../simulators/panos/command.ts')).simulatePanorama,
};

/** `sallyport simulate VENDOR`: answers as the vendor's device does, with a line for each request, until it is stopped. */
export async function simulate(terminal: Terminal, options: SimulateCommandOptions, vendor = ''): Promise<ExitCode> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  return await simulateUntil(stop.signal, terminal, options, vendor);
}

export async function simulateUntil(
  signal: AbortSignal,
  terminal: Terminal,
  options: SimulateCommandOptions,
  vendor: string,
): Promise<ExitCode> {
  const load = Object.hasOwn(vendors, vendor) ? vendors[vendor] : undefined;
  if (load === undefined)
    throw new SallyportError(
      'USAGE',
      `no device of "${vendor}" is simulated; there are: ${Object.keys(vendors).join(', ')}`,
    );
  const start = await load();
  await using device = await started(start, options, (line) => terminal.out(line));
  const rows = [
    ['url', device.url],
    ...Object.entries(device.credentials),
    ...(device.fingerprint === undefined ? [] : [['fingerprint', device.fingerprint]]),
  ];
  terminal.err(`${device.title}, simulated; what it holds is gone when it ends`);
  for (const line of columns(rows)) terminal.out(line);
  await new Promise<void>((stopped) => {
    if (signal.aborted) stopped();
    signal.addEventListener('abort', () => stopped(), { once: true });
  });
  return exit.done;
}

async function started(
  start: Simulate,
  { listen, plain, latency, version, model }: SimulateCommandOptions,
  say: (line: string) => void,
): Promise<Simulated> {
  const at = listenAddress(listen);
  try {
    return await start({
      listen: at,
      plain: plain ?? false,
      latencyMs: latency,
      say,
      ...(version === undefined ? {} : { version }),
      ...(model === undefined ? {} : { model }),
    });
  } catch (thrown) {
    const said = thrown instanceof Error ? thrown.message : String(thrown);
    if (thrown instanceof Error && 'syscall' in thrown)
      throw new SallyportError('LISTEN_FAILED', `the simulator cannot listen on ${listen}: ${said}`, {}, thrown);
    throw new SallyportError('USAGE', said, {}, thrown);
  }
}

/** `127.0.0.1:8443`, `[::1]:0` */
function listenAddress(text: string): ListenAt {
  const [, bracketed, bare, port] = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? bare;
  if (host === undefined || Number(port) > 65_535)
    throw new SallyportError('USAGE', `--listen ${text} is not HOST:PORT, as in 127.0.0.1:8443`);
  return { host, port: Number(port) };
}
