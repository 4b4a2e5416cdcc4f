import { silentLog } from '../../base/log.ts';
import { openDevice } from '../../controller/devices.ts';
import { stateFolder } from '../../controller/state-folder.ts';
import type { Capabilities } from '../../firewalls/driver.ts';
import { type ExitCode, exit } from '../exit.ts';
import { viewsOf } from '../firewalls.ts';
import type { WorldOptions } from '../options.ts';
import { printDiagnostics, type Terminal } from '../terminal.ts';
import { readWholeWorld } from '../world.ts';

interface RenderOptions extends WorldOptions {
  readonly firewall?: string;
}

/** No device is asked, so nothing is known of one: both families, no limits, and every address may be translated to. */
const UNASKED: Capabilities = {
  device: 'not asked',
  families: [4, 6],
  owns: undefined,
  transactionLimit: undefined,
  notes: [],
};

/** `sallyport render`: the text that a device would hold, without asking any device. */
export async function render(terminal: Terminal, options: RenderOptions): Promise<ExitCode> {
  const read = await readWholeWorld(terminal, options);
  let refused = false;
  for (const { firewall, ruleset } of viewsOf(terminal, read, options.firewall)) {
    const device = openDevice(firewall, {
      log: silentLog,
      stateFolder: stateFolder(read.cluster ?? 'unnamed'),
    });
    try {
      const wanted = device.driver.translate(ruleset, UNASKED);
      printDiagnostics(terminal, wanted.refusals);
      refused ||= wanted.refusals.some((refusal) => refusal.severity === 'error');
      terminal.out(device.driver.render(wanted).trimEnd());
    } finally {
      await device.close();
    }
  }
  return refused ? exit.wrong : exit.done;
}
