import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Namespaces } from '../../../test/kit/netns.ts';
import { universe } from '../../../test/kit/universe.ts';
import { patientClock } from '../../../test/kit/patient-clock.ts';
import { silentLog } from '../../base/log.ts';
import type { DriverHarness } from '../contract/harness.ts';
import { NftablesDriver } from './driver.ts';
import { renderTable } from './table/render.ts';

const signal = new AbortController().signal;

/** A table of somebody else, with every kind of object that a careless writer could harm. */
const THEIRS = `
table inet theirs {
	set friends {
		type ipv4_addr
		elements = { 192.0.2.1, 192.0.2.2 }
	}
	chain forward {
		type filter hook forward priority 10; policy accept;
		ip saddr @friends accept comment "sp:not ours"
	}
}
table ip sallyport {
	chain forward {
		type filter hook forward priority 0; policy accept;
	}
}
`;

/** Hands of others on our table. */
const WAYS: readonly string[] = [
  'delete element inet sallyport by_source4 { 10.0.0.1 }',
  'add element inet sallyport by_source4 { 10.0.0.99 : accept }',
  'flush map inet sallyport by_source4',
  'insert rule inet sallyport forward accept',
  'flush chain inet sallyport forward',
  'add rule inet sallyport denied counter accept',
  'add chain inet sallyport somebody',
  'add set inet sallyport somebody { type ipv4_addr; }',
  'delete table inet sallyport',
];

/** nftables in a namespace, with rules of somebody else. */
export async function contractHarness(): Promise<DriverHarness> {
  const namespaces = await Namespaces.open();
  const firewall = await namespaces.add('contract');
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-contract-'));
  await firewall.must('nft', ['-f', '-'], THEIRS);
  // It translates only to what it owns.
  const owned = [...universe.translated[4], ...universe.translated[6]];
  await firewall.ip(...owned.map((address) => `addr add ${address} dev lo`));
  const connect = (): NftablesDriver =>
    new NftablesDriver({ address: `netns:${firewall.name}`, log: silentLog, directory, clock: patientClock });
  return {
    connect,
    foreign: async () =>
      (await firewall.must('nft', ['list', 'table', 'inet', 'theirs'])) +
      (await firewall.must('nft', ['list', 'table', 'ip', 'sallyport'])),
    ours: async () => {
      const { table } = await connect().observe(signal);
      return table === undefined ? '' : renderTable(table);
    },
    tamper: async (variant) => {
      const way = WAYS[variant];
      if (way !== undefined) await firewall.must('nft', [way]);
      return way !== undefined;
    },
    close: async () => {
      await namespaces.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
