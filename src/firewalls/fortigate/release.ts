import { SallyportError } from '../../base/error.ts';

/** A release of FortiOS: major, minor, patch. */
export type Release = readonly [number, number, number];

/** `v7.4.8`, as every answer of the device tells it. Throws `DEVICE_UNREADABLE`. */
export function parseRelease(text: string): Release {
  const [, major, minor, patch] = /^v(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text) ?? [];
  if (major === undefined || minor === undefined || patch === undefined)
    throw new SallyportError('DEVICE_UNREADABLE', `${JSON.stringify(text)} is no version of FortiOS`);
  return [Number(major), Number(minor), Number(patch)];
}

export function formatRelease(release: Release): string {
  return release.join('.');
}

/** Whether a release is this one or a later one. */
export function isAtLeast(release: Release, since: Release): boolean {
  for (const [at, part] of since.entries()) if (release[at] !== part) return (release[at] ?? 0) > part;
  return true;
}

/** The oldest and the first unknown minor release that this driver was written for. */
export const OLDEST: Release = [7, 0, 0];
export const NEWER_THAN_KNOWN: Release = [7, 7, 0];

/** What a release can say, by the vendor reference 1.6 and 1.10. */
export interface Dialect {
  /** Feeds whose entries are sent to the device. */
  readonly pushedFeeds: boolean;
  /** Groups without members. */
  readonly emptyGroups: boolean;
  /** Central translation by destination port. */
  readonly translatedPorts: boolean;
  /** The `protocol` of a service with ports. */
  readonly serviceWithPorts: string;
}

export function dialectOf(release: Release): Dialect {
  return {
    pushedFeeds: isAtLeast(release, [7, 2, 1]),
    emptyGroups: isAtLeast(release, [7, 2, 0]),
    translatedPorts: isAtLeast(release, [7, 4, 0]),
    serviceWithPorts: isAtLeast(release, [7, 6, 0]) ? 'TCP/UDP/UDP-Lite/SCTP' : 'TCP/UDP/SCTP',
  };
}
