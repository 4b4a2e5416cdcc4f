import { expect, test } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { textLog } from './logs.ts';

test('a line holds time, level, message and fields; hostile text stays in its quotes', () => {
  const lines: string[] = [];
  const log = textLog((line) => lines.push(line), { ...systemClock, wall: () => 0 });
  log.info({ firewall: 'edge-1', ms: 3, empty: '', none: undefined }, 'confirmed');
  log.warn({ name: 'a\u001b[31m "b"\nc\u009b1m' }, 'odd');
  log.debug({}, 'not shown');
  expect(lines).toEqual([
    '1970-01-01T00:00:00.000Z  info   confirmed  firewall=edge-1  ms=3',
    '1970-01-01T00:00:00.000Z  warn   odd  name="a\\u001b[31m \\"b\\"\\nc\\u009b1m"',
  ]);
});
