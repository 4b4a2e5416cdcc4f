import type { Simulate } from '../frame/simulated.ts';
import { FortiGate } from './fortigate.ts';

/** `sallyport simulate fortigate` */
export const simulateFortiGate: Simulate = async ({ version, model, listen, plain, latencyMs, say }) => {
  const device = await FortiGate.start({
    listen,
    plain,
    latencyMs,
    say,
    ...(version === undefined ? {} : { version }),
    ...(model === undefined ? {} : { model }),
  });
  const { release, model: made } = device.live.device;
  return {
    title: `FortiGate ${made.number}, FortiOS ${release.text}`,
    url: device.url,
    credentials: { token: device.token },
    ...(device.fingerprint === undefined ? {} : { fingerprint: device.fingerprint }),
    [Symbol.asyncDispose]: () => device[Symbol.asyncDispose](),
  };
};
