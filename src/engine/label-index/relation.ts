import { IntegerLists, type ReadonlyIntegerLists, grown } from './lists.ts';
import { Marks } from './marks.ts';

/** A column may hold this many rows that have left it, besides as many as it truly has. */
const SLACK = 16;

/**
 * A relation between two kinds of small positive integers, such as endpoints and the labels they have, that is read from either side.
 * Rows are short and always exact. Columns can be long, and taking one row out of a long list costs a search or a pointer back; so a row
 * that leaves stays listed, and the column is tidied when it is read or when half of it is stale.
 */
export class Relation {
  readonly #rows = new IntegerLists();
  /** Every row of the column, and rows that have left since it was tidied; one that came back is there twice. */
  readonly #columns = new IntegerLists();
  /** How many rows each column truly has. */
  #sizes = new Int32Array(64);
  readonly #seen = new Marks();

  /** The columns of each row, in the order in which they were added, until one is removed. */
  get rows(): ReadonlyIntegerLists {
    return this.#rows;
  }

  sizeOf(column: number): number {
    return column < this.#sizes.length ? (this.#sizes[column] as number) : 0;
  }

  has(row: number, column: number): boolean {
    return this.#rows.indexOf(row, column) >= 0;
  }

  /** The rows of a column, each once, as they are now: it may be walked while the relation changes. */
  rowsIn(column: number): Int32Array {
    this.#tidy(column);
    return this.#columns.copy(column);
  }

  /** The pair must not be related yet. */
  add(row: number, column: number): void {
    this.#rows.push(row, column);
    this.#columns.push(column, row);
    if (column >= this.#sizes.length) this.#sizes = grown(this.#sizes, column);
    const size = (this.#sizes[column] as number) + 1;
    this.#sizes[column] = size;
    if (this.#columns.lengthOf(column) > 2 * size + SLACK) this.#tidy(column);
  }

  /** Takes the column at an index out of a row; the row's last one takes its place. */
  removeAt(row: number, index: number): void {
    const column = this.#rows.items[this.#rows.startOf(row) + index] as number;
    this.#rows.removeAt(row, index);
    this.#leave(column);
  }

  /** The pair must be related. */
  remove(row: number, column: number): void {
    this.removeAt(row, this.#rows.indexOf(row, column));
  }

  clearRow(row: number): void {
    const { items } = this.#rows;
    const start = this.#rows.startOf(row);
    for (let at = start, end = start + this.#rows.lengthOf(row); at < end; at++) this.#leave(items[at] as number);
    this.#rows.clear(row);
  }

  #leave(column: number): void {
    const size = (this.#sizes[column] as number) - 1;
    this.#sizes[column] = size;
    if (size === 0) this.#columns.clear(column);
  }

  #tidy(column: number): void {
    if (this.#columns.lengthOf(column) === this.sizeOf(column)) return;
    this.#seen.clear();
    this.#columns.retain(column, (row) => this.#seen.add(row) && this.has(row, column));
  }
}
