/** Fields of a cell, side by side in memory. A cell is known by the offset of its first field; 0 is no cell. */
const ROW = 0;
const COLUMN = 1;
const ROW_NEXT = 2;
const ROW_PREVIOUS = 3;
const COLUMN_NEXT = 4;
const COLUMN_PREVIOUS = 5;
const STRIDE = 6;

/**
 * A relation between two kinds of small positive integers, such as endpoints and the labels they have. Each related pair is a cell
 * that hangs in the list of its row and in the list of its column, so that adding and removing one takes constant time from either
 * side. 24 bytes a cell, no object per cell: with a million endpoints there are ten million of them.
 *
 * New cells go to the front of both lists. While a list is walked only the cell at hand may be removed, after its successor was read.
 */
export class Incidence {
  #cells = new Int32Array(STRIDE * 64);
  #end = STRIDE;
  /** Cells given back, linked by `ROW_NEXT`. */
  #free = 0;
  #rows = new Int32Array(64);
  #columns = new Int32Array(64);

  /** The first cell of a row, or 0. */
  firstInRow(row: number): number {
    return row < this.#rows.length ? (this.#rows[row] as number) : 0;
  }

  nextInRow(cell: number): number {
    return this.#cells[cell + ROW_NEXT] as number;
  }

  /** The first cell of a column, or 0. */
  firstInColumn(column: number): number {
    return column < this.#columns.length ? (this.#columns[column] as number) : 0;
  }

  nextInColumn(cell: number): number {
    return this.#cells[cell + COLUMN_NEXT] as number;
  }

  rowOf(cell: number): number {
    return this.#cells[cell + ROW] as number;
  }

  columnOf(cell: number): number {
    return this.#cells[cell + COLUMN] as number;
  }

  /** The pair must not be related yet. */
  add(row: number, column: number): void {
    if (row >= this.#rows.length) this.#rows = grown(this.#rows, row);
    if (column >= this.#columns.length) this.#columns = grown(this.#columns, column);
    const cell = this.#take();
    const cells = this.#cells;
    const inRow = this.#rows[row] as number;
    const inColumn = this.#columns[column] as number;
    cells[cell + ROW] = row;
    cells[cell + COLUMN] = column;
    cells[cell + ROW_NEXT] = inRow;
    cells[cell + ROW_PREVIOUS] = 0;
    cells[cell + COLUMN_NEXT] = inColumn;
    cells[cell + COLUMN_PREVIOUS] = 0;
    if (inRow !== 0) cells[inRow + ROW_PREVIOUS] = cell;
    if (inColumn !== 0) cells[inColumn + COLUMN_PREVIOUS] = cell;
    this.#rows[row] = cell;
    this.#columns[column] = cell;
  }

  remove(cell: number): void {
    const cells = this.#cells;
    const rowNext = cells[cell + ROW_NEXT] as number;
    const rowPrevious = cells[cell + ROW_PREVIOUS] as number;
    const columnNext = cells[cell + COLUMN_NEXT] as number;
    const columnPrevious = cells[cell + COLUMN_PREVIOUS] as number;
    if (rowNext !== 0) cells[rowNext + ROW_PREVIOUS] = rowPrevious;
    if (rowPrevious !== 0) cells[rowPrevious + ROW_NEXT] = rowNext;
    else this.#rows[cells[cell + ROW] as number] = rowNext;
    if (columnNext !== 0) cells[columnNext + COLUMN_PREVIOUS] = columnPrevious;
    if (columnPrevious !== 0) cells[columnPrevious + COLUMN_NEXT] = columnNext;
    else this.#columns[cells[cell + COLUMN] as number] = columnNext;
    cells[cell + ROW_NEXT] = this.#free;
    this.#free = cell;
  }

  #take(): number {
    const cell = this.#free;
    if (cell !== 0) {
      this.#free = this.#cells[cell + ROW_NEXT] as number;
      return cell;
    }
    const end = this.#end;
    if (end + STRIDE > this.#cells.length) this.#cells = grown(this.#cells, end + STRIDE);
    this.#end = end + STRIDE;
    return end;
  }
}

/** A copy with room for `index`, half as large again, so that growing costs a constant share of what is stored. */
export function grown(array: Int32Array<ArrayBuffer>, index: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(Math.max(index + 1, Math.ceil(array.length * 1.5)));
  larger.set(array);
  return larger;
}
