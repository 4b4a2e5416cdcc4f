import { describe, expect, test } from 'vitest';
import type { PanOs } from '../../../../simulators/panos/index.ts';
import { type Packet, fateOf } from '../../../../test/kit/ruleset-oracle.ts';
import { everyPacket } from '../../../../test/kit/universe.ts';
import { allowing, crowd, world } from '../../../../test/kit/worlds.ts';
import { SallyportError } from '../../../base/error.ts';
import type { Ruleset } from '../../../border/ruleset.ts';
import { bring, stepsOf } from '../../contract/harness.ts';
import { passingOn } from '../lab.fixture.ts';
import { closedAfterEach } from './opened.fixture.ts';

const signal = new AbortController().signal;
const { border, connect } = closedAfterEach();
const codeOf = (thrown: unknown): string => (thrown instanceof SallyportError ? thrown.code : String(thrown));

/** Others register so many addresses, or take them away again. */
function byOthers(device: PanOs, verb: 'register' | 'unregister', count: number): void {
  const rows = Array.from(
    { length: count },
    (_, at) => `<entry ip="192.0.2.${at + 100}"><tag><member>guest</member></tag></entry>`,
  );
  device.byHand({
    type: 'user-id',
    cmd: `<uid-message><version>2.0</version><type>update</type><payload><${verb}>${rows.join('')}</${verb}></payload></uid-message>`,
  });
}

describe('a class that is split while others fill the table', () => {
  const senders = Object.keys(crowd(15, 'bank'));
  const allowed = [allowing('bank', '203.0.113.0/24', 443), allowing('shop', '198.51.100.0/24', 80)];
  const [before, { '10.0.0.1': _gone, ...staying }] = [
    world(crowd(12, 'bank'), allowed.slice(0, 1)),
    crowd(15, 'bank'),
  ];
  const after = world(
    {
      ...staying,
      ...Object.fromEntries(senders.slice(1, 6).map((one) => [one, 'shop'])),
    },
    allowed,
  );
  const packets = everyPacket().filter(({ family, protocol }) => family === 4 && protocol === 6);
  /** What the device does with each of them, and with those of all senders, is what one of these says. */
  const expectBetween = (device: PanOs, when: string, ...worlds: readonly Ruleset[]): void => {
    const passing = passingOn(device);
    const own = ['203.0.113.5 443', '198.51.100.5 80'].flatMap((to) =>
      [...senders, '10.0.0.200'].map((source) => packetTo(source, to)),
    );
    for (const packet of [...packets, ...own]) {
      const passes = passing(packet);
      if (!worlds.some((one) => fateOf(one, packet).passes === passes))
        throw new Error(`${when}: ${passes} for ${JSON.stringify(packet)}`);
    }
  };
  const packetTo = (source: string, to: string): Packet => {
    const [destination = '', port] = to.split(' ');
    return { family: 4, protocol: 6, source, destination, sourcePort: 1024, destinationPort: Number(port) };
  };

  test.each([0, 1, 2, 3, 4])(
    'before step %i: who was given up leaves, nobody is opened or lost, and with room it gets there',
    async (full) => {
      const device = await border({ capacity: { 'max-registered-ip-address': 20 } });
      const driver = connect(device);
      await bring(driver, before);
      const steps = await stepsOf(driver, after);
      let refused = '';
      for (const [at, step] of steps.entries()) {
        if (at === full) byOthers(device, 'register', 7);
        refused = await driver.apply(step as never, signal).then(() => '', codeOf);
        expectBetween(device, `step ${at}`, before, after);
        if (refused !== '') break;
      }
      if (full < steps.length) expect(['', 'DEVICE_LIMIT']).toContain(refused);
      else byOthers(device, 'register', 7);
      const ended = await bring(driver, after).then(() => 'done', codeOf);
      expect(['done', 'CAPACITY']).toContain(ended);
      expectBetween(device, 'full', before, after);
      expect(device.dumpRegistered()).not.toContain('10.0.0.1 ');
      byOthers(device, 'unregister', 7);
      await bring(driver, after);
      expectBetween(device, 'with room', after);
      expect(await stepsOf(connect(device), after)).toEqual([]);
    },
  );
});
