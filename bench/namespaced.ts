import process from 'node:process';
import { namespaceWrapper, runInside } from '../lab/inside.ts';
import { howToInstall } from '../lab/programs.ts';
import { setUp } from '../scripts/setup.ts';

const INSIDE = 'SALLYPORT_BENCH_INSIDE';

/**
 * Runs a bench in network, mount and process namespaces of its own, so that nothing is left behind however it ends: this process starts
 * itself again inside and hands on its exit code. `outside` is done before: whatever has to be fetched, as no network reaches inside.
 * Throws where a program that plays a firewall or its neighbours is missing and cannot be installed.
 */
export async function inNamespaces(bench: () => Promise<void>, outside: () => void = () => undefined): Promise<void> {
  if (process.env[INSIDE] !== undefined) {
    await bench();
    // Whatever is still under way belongs to the namespaces and ends with them.
    process.exit();
  }
  const wrapper = namespaceWrapper();
  if (wrapper.kind === 'unavailable') throw new Error(`this bench needs namespaces: ${wrapper.why}`);
  const missing = setUp((line) => process.stderr.write(`${line}\n`));
  if (missing.length > 0) throw new Error(howToInstall(missing));
  outside();
  process.env[INSIDE] = 'yes';
  process.exitCode = await runInside(wrapper.command, process.argv.slice(2));
}
