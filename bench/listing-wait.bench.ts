/**
 * How long an addition of a DNS answer waits for the table to be listed, while so many come that a listing has to hold them up: our table with a set of
 * twelve addresses for each of a thousand names, read whole again and again beside additions every few milliseconds. The median, over readings, of the
 * longest wait in each; `reading`: of how long each took; `share`: of the one by the other.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { KernelTable } from '../src/controller/machine/kernel-table.ts';
import { localTransport } from '../src/firewalls/nftables/reach/local-transport.ts';
import { linesOf } from '../src/machine/table-text.ts';
import { load, print, quantile, smoke } from './figure.ts';
import { inNamespaces } from './namespaced.ts';

const NAMES = smoke ? 20 : 1_000;
const ADDRESSES = 12;
const READINGS = smoke ? 2 : 20;
const EVERY_MS = 3;
/** Before the first reading, so that additions are many by then; and between two. */
const PAUSE_MS = 300;

function table(): string {
  const names = Array.from({ length: NAMES }, (_, n) => n);
  const sets = names.map((n) => {
    const addresses = Array.from({ length: ADDRESSES }, (_, k) => `10.${n >> 8}.${n & 255}.${k}`);
    return `\n\tset name${n} {\n\t\ttype ipv4_addr\n\t\telements = { ${addresses.join(', ')} }\n\t}\n`;
  });
  const rules = names.map((n) => `\t\tip daddr @name${n} tcp dport 443 counter accept comment "rule ${n}"\n`);
  const chain = `\n\tchain forward {\n\t\ttype filter hook forward priority 1; policy drop;\n${rules.join('')}\t}\n`;
  return `table inet firewall {\n${sets.join('')}${chain}}\n`;
}

async function measure(folder: string): Promise<void> {
  const { signal } = new AbortController();
  const kernel = new KernelTable(localTransport(folder));
  await kernel.load(() => linesOf(table()), signal);
  let longest = 0;
  let isOver = false;
  const adding = (async () => {
    for (let n = 0; !isOver; n++) {
      const began = performance.now();
      const element = `11.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;
      await kernel.changeElements([{ change: 'add', set: `name${n % NAMES}`, element }], signal);
      longest = Math.max(longest, performance.now() - began);
      await pause(EVERY_MS);
    }
  })();
  const [waits, readings]: [number[], number[]] = [[], []];
  for (let n = 0; n < READINGS; n++) {
    await pause(PAUSE_MS);
    longest = 0;
    const began = performance.now();
    const changes = await kernel.changes(signal, true);
    if (changes !== undefined) throw new Error(`nobody changed anything, and it is said: ${changes.join('; ')}`);
    readings.push(performance.now() - began);
    // The one that waited for it has its turn.
    await pause(EVERY_MS);
    waits.push(longest);
  }
  isOver = true;
  await adding;
  kernel.stop();
  const shares = waits.map((wait, n) => wait / (readings[n] ?? Number.NaN));
  print({
    bench: 'listing-wait',
    unit: 'ms',
    value: quantile(waits, 0.5),
    most: Math.round(Math.max(...waits)),
    reading: Math.round(quantile(readings, 0.5)),
    share: Number(quantile(shares, 0.5).toPrecision(2)),
    names: NAMES,
    addresses: NAMES * ADDRESSES,
    ...load(),
  });
}

await inNamespaces(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-listing-wait-'));
  try {
    await measure(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
