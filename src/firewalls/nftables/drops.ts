import { SallyportError } from '../../base/error.ts';
import type { Origin } from '../../border/ruleset.ts';
import type { Drop } from '../driver.ts';
import { NflogReader } from './nflog.ts';
import { DROP_PREFIX } from './table/text.ts';
import type { Transport } from './reach/transport.ts';

/**
 * Tells every denied packet that the device logs to a group, until abort. `origin` gives the rule behind the tag in a log prefix. Rejects if
 * tcpdump is missing or ends: one program at a time may listen to a log group.
 */
export async function followDrops(
  { transport, group }: { readonly transport: Transport; readonly group: number },
  origin: (tag: string) => Origin,
  seen: (drop: Drop) => void,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  // Without `-Z root` it would change its user, and the kernel would no longer end it with us.
  const running = transport.start(
    'tcpdump',
    ['-Z', 'root', '-n', '-U', '-i', `nflog:${group}`, '-w', '-'],
    'ignores input',
  );
  const stop = (): void => running.stop();
  signal.addEventListener('abort', stop, { once: true });
  const reader = new NflogReader();
  let words = '';
  let failure: unknown;
  running.stderr.on('data', (chunk: Buffer) => {
    words = (words + chunk.toString('utf8')).slice(-1_000);
  });
  running.stdout.on('data', (chunk: Buffer) => {
    if (failure !== undefined || signal.aborted) return;
    try {
      for (const { prefix, ...packet } of reader.read(chunk))
        if (prefix.startsWith(DROP_PREFIX)) seen({ ...packet, origin: origin(prefix.slice(DROP_PREFIX.length)) });
    } catch (error) {
      failure = error;
      running.stop();
    }
  });
  await running.ended;
  signal.removeEventListener('abort', stop);
  if (signal.aborted) return;
  if (failure instanceof Error) throw failure;
  const missing = words.includes('failed to execute') || words === '';
  throw new SallyportError(
    missing ? 'PROGRAM_MISSING' : 'DEVICE_UNREACHABLE',
    missing ? 'the program "tcpdump" is not installed on the firewall' : `tcpdump ended: ${words.trim()}`,
  );
}
