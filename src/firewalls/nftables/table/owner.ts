import { encodeForDevice } from '../../../base/encode.ts';

/** Rises when the same ruleset gives other text than before; a table of another form is rebuilt whole. */
export const FORM = 2;

/** What the comment of the owner set tells: whose table this is, what its rules are, and what is still to be done. */
export interface Owner {
  /** Cluster and firewall, encoded for device text. */
  readonly cluster: string;
  readonly firewall: string;
  readonly form: number;
  /** Hash of everything but members. */
  readonly rules: string;
  /** `all`: the connections of every sender must be judged again, because a change was not about single addresses. */
  readonly judge: 'all' | 'none';
}

/** An owner in the form that is read back: cluster and firewall encoded. */
export function ownerOf(cluster: string, firewall: string, rules: string): Owner {
  return {
    cluster: encodeForDevice(cluster, 30),
    firewall: encodeForDevice(firewall, 30),
    form: FORM,
    rules,
    judge: 'none',
  };
}

/** The comment of the owner set. */
export function ownerText({ cluster, firewall, form, rules, judge }: Owner): string {
  return `cluster=${cluster} firewall=${firewall} form=${form} rules=${rules} judge=${judge}`;
}

/** The owner in a comment; `undefined` for what is not ours or was damaged. */
export function parseOwner(comment: string): Owner | undefined {
  const match =
    /^cluster=([A-Za-z0-9._/-]*) firewall=([A-Za-z0-9._/-]*) form=(\d{1,4}) rules=([0-9a-f]{16}) judge=(all|none)$/.exec(
      comment,
    );
  if (match === null) return undefined;
  const [, cluster = '', firewall = '', form = '', rules = '', judge] = match;
  return { cluster, firewall, form: Number(form), rules, judge: judge === 'all' ? 'all' : 'none' };
}
