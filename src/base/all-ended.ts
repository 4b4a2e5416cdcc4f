/**
 * Like `Promise.all`, but rejects only when all have ended, with the first failure in their order: what goes on behind a failure could change
 * what the next try relies on.
 */
export async function allEnded<T extends readonly unknown[]>(
  works: {
    readonly [K in keyof T]: T[K] | Promise<T[K]>;
  },
): Promise<T> {
  const ended = await Promise.allSettled(works);
  return ended.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  }) as unknown as T;
}
