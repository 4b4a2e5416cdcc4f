import { compareUtf8 } from '../../base/compare.ts';
import { shortHash } from '../../base/encode.ts';
import { isEpochNumber } from '../../base/epoch.ts';

/** For how long a renewal counts, by the clock of whoever looks at it. */
export const LEASE_MS = 15_000;
/** A holder that could not renew for so long gives up its right, whatever else it does. */
export const RENEW_DEADLINE_MS = 10_000;
/** Longest time between two renewals, and between two looks at the Leases. */
export const RETRY_MS = 2_000;

const PREFIX = 'sallyport.dev';
/** What a Lease is about, for people: the firewall, or the copy. */
const TITLE = `${PREFIX}/title`;
const CLUSTER = `${PREFIX}/cluster`;
const KIND = `${PREFIX}/lease`;
/** Where a copy is asked what its firewalls have confirmed. */
const READINESS = `${PREFIX}/readiness`;
/** Names of the firewalls that a copy cannot work at where it is, with spaces between them. */
const CANNOT = `${PREFIX}/cannot`;
/** Written by a holder that let go: the epoch it let go of. An empty holder alone may be somebody's hand. */
const RELEASED = `${PREFIX}/released`;

/** What a holder leaves to whoever comes after it; an opaque text. */
const MEMORY = `${PREFIX}/guard`;

export type LeaseKind = 'firewall' | 'copy';

/** Which Lease: of a firewall, or of a copy of Sallyport. */
export interface LeasePlace {
  readonly name: string;
  readonly kind: LeaseKind;
  readonly cluster: string;
  readonly title: string;
}

/** What a Lease says, as far as it can be read; its timestamps are for people and are not read. */
export interface LeaseRecord {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** `''`: none. */
  readonly holder: string;
  /** `leaseTransitions`: one more with each new holder; 0 where it is no such number. */
  readonly epoch: number;
  /** Its holder let go of it, in this epoch. */
  readonly released: boolean;
  /** The copy that it stands for; `undefined`: it stands for none of this cluster. */
  readonly copyOf: string | undefined;
  /** Where that copy answers other copies, as it was written. */
  readonly readiness: string | undefined;
  /** Firewalls that this copy cannot work at where it is. */
  readonly cannot: ReadonlySet<string>;
  /** What its holder left there, as it was written. */
  readonly memory: string | undefined;
}

/** What is to stand in a Lease. */
export interface LeaseContent {
  /** `''`: it is let go of. */
  readonly holder: string;
  readonly epoch: number;
  /** Wall time, for people. */
  readonly acquired: number;
  readonly renewed: number;
  /** Where this copy answers other copies; absent: nowhere. */
  readonly readiness?: string;
  /** Firewalls that this copy cannot work at where it is; absent: none. */
  readonly cannot?: Iterable<string>;
  /** What is left to whoever comes after this holder; it stays with the Lease. */
  readonly memory?: string | undefined;
}

/**
 * The Lease of one thing: a name that any cluster's and firewall's name fits into, with enough of it kept to be known by people.
 * @example leasePlace('firewall', 'prod-eu', 'edge-1').name // 'sallyport-firewall-edge-1-3fa8c2d1'
 */
export function leasePlace(kind: LeaseKind, cluster: string, title: string): LeasePlace {
  const known = title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 60)
    .replace(/^-+|-+$/g, '');
  const words = ['sallyport', kind, known, shortHash(`${cluster}\n${title}`)];
  return { name: words.filter((word) => word !== '').join('-'), kind, cluster, title };
}

/** The whole object: what somebody else wrote into it does not stay. */
export function leaseObject(
  { name, kind, cluster, title }: LeasePlace,
  { holder, epoch, acquired, renewed, readiness, cannot = [], memory }: LeaseContent,
  namespace: string,
  before: Pick<LeaseRecord, 'resourceVersion' | 'uid'> | undefined,
) {
  const unable = [...cannot].toSorted(compareUtf8).join(' ');
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {
      name,
      namespace,
      // Without a version nothing can be replaced.
      resourceVersion: before?.resourceVersion ?? '',
      ...(before === undefined ? {} : { uid: before.uid }),
      labels: { 'app.kubernetes.io/managed-by': 'sallyport', [CLUSTER]: cluster, [KIND]: kind },
      annotations: {
        [TITLE]: title,
        ...(holder === '' ? { [RELEASED]: String(epoch) } : {}),
        ...(readiness === undefined ? {} : { [READINESS]: readiness }),
        ...(unable === '' ? {} : { [CANNOT]: unable }),
        ...(memory === undefined ? {} : { [MEMORY]: memory }),
      },
    },
    spec: {
      holderIdentity: holder,
      leaseDurationSeconds: LEASE_MS / 1_000,
      leaseTransitions: epoch,
      acquireTime: microTime(acquired),
      renewTime: microTime(renewed),
    },
  };
}

/** Reads a Lease with any content; `undefined`: it has no name or version, and is none. */
export function readLease(given: unknown, cluster: string): LeaseRecord | undefined {
  const { metadata, spec } = fieldsOf(given);
  const { name, uid, resourceVersion, labels, annotations } = fieldsOf(metadata);
  if (typeof name !== 'string' || typeof resourceVersion !== 'string' || name === '') return undefined;
  const { holderIdentity, leaseTransitions } = fieldsOf(spec);
  const holder = typeof holderIdentity === 'string' ? holderIdentity : '';
  const epoch = isEpochNumber(leaseTransitions) ? leaseTransitions : 0;
  const marks = fieldsOf(labels);
  const notes = fieldsOf(annotations);
  const isCopy = marks[KIND] === 'copy' && marks[CLUSTER] === cluster && holder !== '';
  return {
    name,
    uid: typeof uid === 'string' ? uid : '',
    resourceVersion,
    holder,
    epoch,
    released: holder === '' && notes[RELEASED] === String(epoch),
    copyOf: isCopy && notes[TITLE] === holder ? holder : undefined,
    readiness: isCopy && typeof notes[READINESS] === 'string' ? notes[READINESS] : undefined,
    cannot: new Set(isCopy && typeof notes[CANNOT] === 'string' ? notes[CANNOT].split(' ') : []),
    memory: typeof notes[MEMORY] === 'string' ? notes[MEMORY] : undefined,
  };
}

function fieldsOf(given: unknown): Readonly<Record<string, unknown>> {
  return typeof given === 'object' && given !== null ? (given as Readonly<Record<string, unknown>>) : {};
}

/** Times of Leases have microseconds. */
function microTime(wall: number): string {
  return new Date(wall).toISOString().replace('Z', '000Z');
}
