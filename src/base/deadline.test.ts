import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { deadline } from './deadline.ts';

describe('deadline', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('aborts when its time is over, with a transient error, and leaves the parent alone', () => {
    const parent = new AbortController();
    using limit = deadline(parent.signal, 5_000, 'DEVICE_UNREACHABLE');
    vi.advanceTimersByTime(4_999);
    expect(limit.signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    // Its time is over; what came meanwhile is read first.
    vi.advanceTimersToNextTimer();
    expect(limit.signal.reason).toMatchObject({
      code: 'DEVICE_UNREACHABLE',
      blame: 'transient',
      message: 'no answer within 5000 ms',
    });
    expect(parent.signal.aborted).toBe(false);
  });

  test('aborts with its parent, for the parent’s reason', () => {
    const parent = new AbortController();
    using limit = deadline(parent.signal, 5_000, 'DEVICE_UNREACHABLE');
    parent.abort('stopping');
    expect(limit.signal.reason).toBe('stopping');
  });

  test('of a parent that has stopped is over at once', () => {
    using limit = deadline(AbortSignal.abort('stopped'), 5_000, 'DEVICE_UNREACHABLE');
    expect(limit.signal.reason).toBe('stopped');
  });

  test('leaves nothing behind once disposed', () => {
    const parent = new AbortController();
    for (let n = 0; n < 100; n++) {
      using limit = deadline(parent.signal, 5_000, 'DEVICE_UNREACHABLE');
      expect(limit.signal.aborted).toBe(false);
    }
    expect(getEventListeners(parent.signal, 'abort')).toHaveLength(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('does not abort after it was disposed', () => {
    const parent = new AbortController();
    const limit = deadline(parent.signal, 5_000, 'DEVICE_UNREACHABLE');
    limit[Symbol.dispose]();
    parent.abort();
    vi.advanceTimersByTime(10_000);
    expect(limit.signal.aborted).toBe(false);
  });
});
