/**
 * Who has to act. Retry loops look only at this, never at a message.
 * `input`: the user's text; `transient`: nobody, it is tried again; `conflict`: somebody else changed the same thing, read
 * again and retry; `rejected`: the device or server says no, and will again; `bug`: us.
 */
export type Blame = 'input' | 'transient' | 'conflict' | 'rejected' | 'bug';

/** The reference paragraph of one code. */
export interface CatalogueEntry {
  readonly blame: Blame;
  /** What happened. */
  readonly what: string;
  /** What Sallyport does now. */
  readonly now: string;
  /** What the reader can do. */
  readonly fix: string;
}

export type Codes = Readonly<Record<string, CatalogueEntry>>;
