import { z } from 'zod';
import { toSallyportError } from '../../base/error.ts';
import type { ApiClient } from '../../kubernetes/api-client.ts';
import { serverVersion } from '../../kubernetes/discovery.ts';
import type { Check } from './checks.ts';

/** The oldest minor version of Kubernetes 1 that has all that is used: rules in definitions (CEL), and admission policies made of such. */
export const OLDEST_MINOR = 30;

/** Beyond these clocks make trouble: times in statuses mislead, and, further apart, certificates, tokens and approvals are not taken. */
const WARNING_MS = 5_000;
const ERROR_MS = 60_000;

/** Whether the server answers, and is new enough. Throws the `API_…` codes. */
export async function checkServer(api: ApiClient, title: string, signal: AbortSignal): Promise<Check> {
  const version = await serverVersion(api, signal);
  const [, major = '', minor = ''] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  const message = `Kubernetes ${version} at ${title}`;
  const isOld = major === '1' && Number(minor) < OLDEST_MINOR;
  if (major === '1' && !isOld) return { check: 'server', result: 'OK', message };
  return isOld
    ? {
        check: 'server',
        result: 'Error',
        message: `${message}; 1.${OLDEST_MINOR} is the oldest that has all that is used`,
        fix: 'Upgrade the cluster.',
      }
    : {
        check: 'server',
        result: 'Warning',
        message: `${message}; nothing is known of such a version`,
        fix: 'Look for a newer Sallyport.',
      };
}

const self = z.object({
  status: z.object({ userInfo: z.object({ username: z.string(), groups: z.array(z.string()).optional() }) }),
});

/** Who we are to the server. */
export async function checkIdentity(api: ApiClient, signal: AbortSignal): Promise<Check> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  try {
    const { username, groups = [] } = self.parse(await api.call({ method: 'POST', path, body }, signal)).status
      .userInfo;
    const among = groups.length === 0 ? '' : `, of ${groups.join(', ')}`;
    return { check: 'identity', result: 'OK', message: `${username}${among}` };
  } catch (thrown) {
    const { message } = toSallyportError(thrown);
    return { check: 'identity', result: 'Skipped', message: `the server does not say who we are (${message})` };
  }
}

/** How far our clock and the server's are apart. */
export function checkClock({ clocks }: Pick<ApiClient, 'clocks'>): Check {
  if (clocks === undefined) return { check: 'clock', result: 'Skipped', message: 'the server does not say its time' };
  // The server cut its time to whole seconds.
  const apart = clocks.ours - (clocks.theirs + 500);
  const message = `ours is ${Math.abs(Math.round(apart / 1_000))} s ${apart < 0 ? 'behind' : 'ahead of'} that of the API server`;
  const fix = 'Keep both clocks by NTP.';
  if (Math.abs(apart) > ERROR_MS)
    return {
      check: 'clock',
      result: 'Error',
      message: `${message}; certificates, tokens and approvals may count as not yet valid, or as expired`,
      fix,
    };
  if (Math.abs(apart) > WARNING_MS) return { check: 'clock', result: 'Warning', message, fix };
  return { check: 'clock', result: 'OK', message: 'ours and that of the API server agree' };
}
