import { expect, test } from 'vitest';
import { readFacts } from './facts.ts';

const subject = { object: undefined, place: {}, locate: undefined, base: [] };

// Where people come in by the VPN, base rules let nobody in by SSH: what is no VPN must not be taken for one.
test.each([
  ['as install.yaml has it', { address: 'https://vpn.example.org', auth_key: 'k', connected: false }, true],
  ['as machine-allocation.yaml has it', { controlPlaneAddress: 'https://vpn.example.org' }, true],
  ['with nothing in it', {}, false],
  ['with empty texts', { address: '', auth_key: '' }, false],
  ['that says only that it is not connected', { connected: false }, false],
  ['that is null', null, false],
  ['that is a text', 'yes', false],
  ['that is a list', ['https://vpn.example.org'], false],
  ['that is not there', undefined, false],
])('a VPN %s: %s', (_, vpn, expected) => {
  expect(readFacts({ vpn }, subject, []).vpn).toBe(expected);
});
