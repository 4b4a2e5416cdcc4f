import { expect, test } from 'vitest';
import { withoutPassword } from './without-password.ts';

test.each([
  ['https://admin:hunter2@fw.example:8443', 'https://…@fw.example:8443'],
  ['HTTPS://admin:hun@ter2@fw', 'HTTPS://…@fw'],
  ['https://token@fw', 'https://…@fw'],
  ['ssh://root:hunter2@edge-1', 'ssh://root:…@edge-1'],
  ['ssh://root@edge-1', 'ssh://root@edge-1'],
  ['https://fw.example:8443', 'https://fw.example:8443'],
  ['local', 'local'],
])('%s is shown as %s', (written, shown) => {
  expect(withoutPassword(written)).toBe(shown);
});
