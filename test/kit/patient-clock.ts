import { type Clock, systemClock } from '../../src/base/clock.ts';

/** Real time in which nothing is too late, for tests of what is answered and not of how soon: a machine that stands still for seconds is not wrong. */
export const patientClock: Clock = { ...systemClock, after: () => () => undefined };
