import { connect } from 'node:net';
import { isMap } from '../../../api/shape.ts';
import { systemClock } from '../../../base/clock.ts';
import { SallyportError } from '../../../base/error.ts';
import type { IdsStatistics } from '../../../machine/monitor-status.ts';

const ANSWER_MS = 2_000;

/**
 * What suricata saw, by interface, asked at its command socket: one JSON document for each question, the version of the protocol first
 * (reference, section 6). Rejects with IDS_UNREACHABLE.
 */
export function askSuricata(socketPath: string, signal: AbortSignal): Promise<Readonly<Record<string, IdsStatistics>>> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    const found: Record<string, IdsStatistics> = {};
    let waiting: string[] = [];
    let asked = 'version';
    let text = '';
    const end = (problem?: string): void => {
      cancel();
      signal.removeEventListener('abort', stop);
      socket.destroy();
      if (problem === undefined) resolve(found);
      else reject(new SallyportError('IDS_UNREACHABLE', `suricata at ${socketPath}: ${problem}`));
    };
    const stop = (): void => end('stopped');
    const cancel = systemClock.after(ANSWER_MS, () => end(`no answer within ${ANSWER_MS} ms`));
    signal.addEventListener('abort', stop, { once: true });
    const say = (question: object): void => void socket.write(`${JSON.stringify(question)}\n`);
    const next = (): void => {
      const [iface, ...rest] = waiting;
      if (iface === undefined) return end();
      waiting = rest;
      asked = `of ${iface}`;
      say({ command: 'iface-stat', arguments: { iface } });
    };
    const take = (answer: unknown): void => {
      if (!isMap(answer) || answer['return'] !== 'OK') return end('it did not understand');
      const message = answer['message'];
      if (asked === 'version') {
        asked = 'list';
        return say({ command: 'iface-list' });
      }
      if (asked === 'list') {
        const ifaces = isMap(message) ? message['ifaces'] : undefined;
        waiting = Array.isArray(ifaces) ? ifaces.filter((each): each is string => typeof each === 'string') : [];
        return next();
      }
      const figure = (name: string): number => (isMap(message) ? Number(message[name] ?? 0) : 0) || 0;
      found[asked.slice('of '.length)] = {
        drop: figure('drop'),
        invalidChecksums: figure('invalid-checksums'),
        packets: figure('pkts'),
      };
      next();
    };
    socket.once('connect', () => say({ version: '0.1' }));
    socket.once('error', (error) => end(error.message));
    socket.once('close', () => end('it hung up'));
    socket.on('data', (data: Buffer) => {
      text += data.toString();
      // An answer is a document; some versions end it with a line break, some do not.
      let answer: unknown;
      try {
        answer = JSON.parse(text);
      } catch {
        return;
      }
      text = '';
      take(answer);
    });
  });
}
