/** Time as a collaborator, so that tests own it. */
export interface Clock {
  /** Milliseconds since the epoch; for people and records only, it may jump. */
  wall(): number;
  /** Milliseconds from an arbitrary start; never goes back. All deadlines and ages use it. */
  monotonic(): number;
  /**
   * Calls back once after `ms`; the returned function cancels. Where this process was kept from running, what came meanwhile is read first: an
   * answer that lies there is not late.
   */
  after(ms: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, callback) {
    let turn: NodeJS.Immediate | undefined;
    // Node calls timers that are over before it reads anything, and this after it has.
    const timer = setTimeout(() => {
      turn = setImmediate(callback);
    }, ms);
    return () => {
      clearTimeout(timer);
      clearImmediate(turn);
    };
  },
};
