import type { MayGoOn } from '../../driver.ts';
import type { PanosApi } from '../api/api.ts';
import { jobFailure } from '../api/errors.ts';
import { type DeviceResult, endOfJob, jobOf, waitForJobs } from '../api/jobs.ts';
import type { ManagedFirewall } from './managed.ts';
import { type XmlElement, element, entry, members } from '../api/xml.ts';

/** What a push is called in Panorama's log. */
const DESCRIPTION = 'Sallyport';

/** A push of a device group to some of its firewalls (reference 1.7). `admin`: of his work alone, which releases before 10.2 cannot. */
export function commitAll(group: string, serials: readonly string[], admin: string | undefined): XmlElement {
  return element('commit-all', [
    element('shared-policy', [
      element('device-group', [
        entry(group, [
          element(
            'devices',
            serials.map((serial) => entry(serial)),
          ),
        ]),
      ]),
      element('description', DESCRIPTION),
      element('include-template', 'no'),
      element('force-template-values', 'no'),
      ...(admin === undefined ? [] : [element('admin', members([admin]))]),
    ]),
  ]);
}

/** Pushes to each of these firewalls, group by group, and follows each to its end there: what it came to, by serial. */
export async function push(
  api: PanosApi,
  firewalls: readonly ManagedFirewall[],
  admin: string | undefined,
  signal: AbortSignal,
  mayGoOn: MayGoOn,
): Promise<ReadonlyMap<string, DeviceResult>> {
  const results = new Map<string, DeviceResult>();
  for (const group of new Set(firewalls.map((one) => one.group))) {
    const serials = [...new Set(firewalls.filter((one) => one.group === group).map(({ serial }) => serial))];
    await waitForJobs(api, signal);
    const id = jobOf(await api.commit(commitAll(group, serials, admin), signal, mayGoOn, 'all'), mayGoOn);
    if (id === undefined) continue;
    const job = await endOfJob(api, id, signal);
    if (job.devices.length === 0 && !job.succeeded) throw jobFailure(`the push to ${group} (job ${id})`, job.lines);
    for (const result of job.devices) results.set(result.serial, result);
  }
  return results;
}

/** Panorama 10.2 and later push the work of one administrator alone (reference 1.7). */
export function pushesByAdmin(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 10 || (major === 10 && minor >= 2);
}
