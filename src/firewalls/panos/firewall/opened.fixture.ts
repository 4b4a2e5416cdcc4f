import { afterEach } from 'vitest';
import type { PanOs, PanOsOptions } from '../../../../simulators/panos/index.ts';
import { writeAtOnce } from '../../rulebase/plain-dialect.fixture.ts';
import type { PanosDriver } from './driver.ts';
import { FULL, type Known, connectTo, furnish, startDevice } from '../lab.fixture.ts';

interface Closable {
  close(): Promise<unknown>;
}

/** What tests of one file open. It is closed after each of them, the last one first. */
export interface Opened {
  readonly keep: <T extends Closable | AsyncDisposable>(one: T) => T;
  /** A furnished firewall. */
  readonly border: (options?: PanOsOptions) => Promise<PanOs>;
  /** A driver as a new process would make it, for the BorderFirewall `edge-1` of the cluster `lab`; lists are proved at once. */
  readonly connect: (device: PanOs, options?: object, known?: Known) => PanosDriver;
}

/** To be called once in each file of tests, outside of them. */
export function closedAfterEach(): Opened {
  const opened: (Closable | AsyncDisposable)[] = [];
  afterEach(async () => {
    for (const one of opened.splice(0).toReversed())
      await (Symbol.asyncDispose in one ? one[Symbol.asyncDispose]() : one.close());
  });
  const keep = <T extends Closable | AsyncDisposable>(one: T): T => {
    opened.push(one);
    return one;
  };
  return {
    keep,
    async border(options = {}) {
      const device = keep(await startDevice(options));
      await furnish(device);
      return device;
    },
    connect: (device, options = FULL, known = {}) =>
      keep(connectTo(device, options, 'lab', { write: writeAtOnce, ...known })),
  };
}
