/** A release of FortiOS; dialects differ by it. */
export interface Release {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  /** `v7.4.8`, as the device writes it. */
  readonly text: string;
  readonly build: number;
}

/** Builds that the reference names; for others a number is made that grows with the release. */
const KNOWN_BUILDS: Readonly<Record<string, number>> = { '7.4.8': 2795 };

/** `7.4.8` or `v7.4.8`; throws on anything else, and on releases whose dialect is not simulated (7.0 to 7.6). */
export function parseRelease(text: string): Release {
  const [, majorText, minorText, patchText] = /^v?(\d+)\.(\d+)\.(\d+)$/.exec(text) ?? [];
  if (majorText === undefined || minorText === undefined || patchText === undefined)
    throw new Error(`"${text}" is not a FortiOS version; write it as 7.4.8`);
  const [major, minor, patch] = [Number(majorText), Number(minorText), Number(patchText)];
  if (major !== 7 || minor % 2 !== 0 || minor > 6)
    throw new Error(`FortiOS ${major}.${minor} is not simulated; 7.0, 7.2, 7.4 and 7.6 are`);
  const plain = `${major}.${minor}.${patch}`;
  const build = KNOWN_BUILDS[plain] ?? minor * 600 + patch * 40 + 60;
  return { major, minor, patch, text: `v${plain}`, build };
}

/** Whether `release` is `since` (`7.4.1`) or later. */
export function atLeast(release: Release, since: string): boolean {
  const [major = 0, minor = 0, patch = 0] = since.split('.').map(Number);
  return release.major !== major
    ? release.major > major
    : release.minor !== minor
      ? release.minor > minor
      : release.patch >= patch;
}
