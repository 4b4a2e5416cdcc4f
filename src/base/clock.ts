/** Time as a collaborator, so that tests own it. */
export interface Clock {
  /** Milliseconds since the epoch; for people and records only, it may jump. */
  wall(): number;
  /** Milliseconds from an arbitrary start; never goes back. All deadlines and ages use it. */
  monotonic(): number;
  /** Calls back once after `ms`; the returned function cancels. */
  after(ms: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
