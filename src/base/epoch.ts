/** Which of all holders of one Lease a writer is. */
export interface Epoch {
  /** Of the Lease: numbers of different ones (it was deleted; another cluster's) say nothing about each other. */
  readonly lease: string;
  /** 31 bits, and round again. */
  readonly number: number;
}

/** `leaseTransitions` has 31 bits, and a hand can write the last one. */
const EPOCHS = 2 ** 31;

export function isEpochNumber(given: unknown): given is number {
  return Number.isSafeInteger(given) && Number(given) >= 0 && Number(given) < EPOCHS;
}

export function nextEpoch(number: number): number {
  return (number + 1) % EPOCHS;
}

/** Whether an epoch came after another one of the same Lease. */
export function isLaterEpoch(number: number, than: number): boolean {
  const ahead = (number - than + EPOCHS) % EPOCHS;
  return ahead > 0 && ahead < EPOCHS / 2;
}
