import process from 'node:process';
import { namespaceWrapper, runInside } from '../lab/inside.ts';

const INSIDE = 'SALLYPORT_BENCH_INSIDE';

/**
 * Runs a bench in network, mount and process namespaces of its own, so that nothing is left behind however it ends: this process starts
 * itself again inside and hands on its exit code.
 */
export async function inNamespaces(bench: () => Promise<void>): Promise<void> {
  if (process.env[INSIDE] !== undefined) {
    await bench();
    // Whatever is still under way belongs to the namespaces and ends with them.
    process.exit();
  }
  const wrapper = namespaceWrapper();
  if (wrapper.kind === 'unavailable') throw new Error(`this bench needs namespaces: ${wrapper.why}`);
  process.env[INSIDE] = 'yes';
  process.exitCode = await runInside(wrapper.command, process.argv.slice(2));
}
