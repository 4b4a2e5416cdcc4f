/**
 * What it costs to read back all registered addresses of a PAN-OS, page by page as it prints them, and to find who is in which tag; a few dozen
 * came and went since the last reading. Nothing is sent: by CPU alone.
 */
import type { PanosApi } from '../src/firewalls/panos/api/api.ts';
import { readEnvelope } from '../src/firewalls/panos/api/envelope.ts';
import { type Registered, readRegistered } from '../src/firewalls/panos/members/registered.ts';
import { TaggedReadings } from '../src/firewalls/panos/members/tagged.ts';
import { textAt, type XmlElement } from '../src/firewalls/panos/api/xml.ts';
import { cpuSeconds, load, print, quantile, smoke } from './figure.ts';

const addresses = smoke ? 1_000 : 10_000;
const groups = 20;
const changed = 70;
const turns = smoke ? 3 : 60;
const PAGE = 500;

/** The pages of a device on which the first so many addresses have left, and as many have come after the last. */
function pagesAfter(left: number): readonly string[] {
  const rows = Array.from({ length: addresses }, (_, at) => {
    const n = left + at;
    const ip = `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
    return `<entry ip="${ip}" from_agent="0" persistent="1"><tag><member>sp-1a2b3c4d.group-${n % groups}</member></tag></entry>`;
  });
  return Array.from({ length: Math.floor(addresses / PAGE) + 1 }, (_, at) => {
    const page = rows.slice(at * PAGE, (at + 1) * PAGE);
    return `<response status="success"><result>${page.join('')}<count>${page.length}</count></result></response>`;
  });
}

let pages: readonly string[] = [];
const api = {
  async op(command: XmlElement) {
    const start = Number(textAt(command, 'object', 'registered-ip', 'start-point'));
    return await Promise.resolve(readEnvelope(pages[(start - 1) / PAGE] ?? '').result);
  },
} as Pick<PanosApi, 'op'> as PanosApi;

const readings = new TaggedReadings();
const { signal } = new AbortController();
const taken: number[] = [];
let registered: Registered | undefined;
for (let turn = 0; turn < turns; turn++) {
  pages = pagesAfter((turn * changed) / 2);
  const before = cpuSeconds();
  registered = await readRegistered(api, {}, signal, registered);
  const tagged = readings.of(registered);
  taken.push((cpuSeconds() - before) * 1_000);
  if (registered.size !== addresses || tagged.size !== groups) throw new Error('it was not read as it stands there');
}
const about = { addresses, groups, changed, turns, ...load() };
// The first readings are those of code that is not compiled yet.
print({ bench: 'registered/read/cpu', unit: 'ms', value: quantile(taken.slice(turns >> 1), 0.5), ...about });
