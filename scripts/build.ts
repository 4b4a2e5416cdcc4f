/** Bundles the command into `dist/`: one small entry, and one chunk per part that is loaded only when a command needs it. */
import { spawnSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');

/** `more`: further programs by name, to be made as the command is. */
export async function bundle(folder = join(root, 'dist'), more: Readonly<Record<string, string>> = {}): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  const common = {
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    sourcemap: true,
    logLevel: 'warning',
    absWorkingDir: root,
  } as const;
  await build({
    ...common,
    // A thread is a program of its own: `proveFlat` finds it beside the command.
    entryPoints: { sallyport: 'src/cli/main.ts', 'proof-worker': 'src/firewalls/flat/proof-worker.ts', ...more },
    outdir: folder,
    splitting: true,
    chunkNames: 'parts/[name]-[hash]',
    // Node keeps the text of what it runs. Names stay as they are, for stacks in logs.
    minifyWhitespace: true,
    // pino, prom-client and commander are CommonJS and call `require`.
    banner: {
      js: "import { createRequire as createRequireForBundle } from 'node:module'; const require = createRequireForBundle(import.meta.url);",
    },
  });
  await build({
    ...common,
    entryPoints: { ip: 'src/ip/index.ts', selector: 'src/selector/index.ts', engine: 'src/engine/index.ts' },
    outdir: join(folder, 'library'),
    splitting: true,
    chunkNames: 'parts/[name]-[hash]',
  });
  chmodSync(join(folder, 'sallyport.js'), 0o755);
}

/** The library's types, for those who use the package from TypeScript. */
export function declareTypes(folder = join(root, 'dist')): void {
  const words = ['-p', 'tsconfig.types.json', '--outDir', join(folder, 'library/types')];
  const tsc = spawnSync(join(root, 'node_modules/.bin/tsc'), words, { cwd: root, stdio: 'inherit' });
  if (tsc.status !== 0) throw new Error('the types of the library could not be made');
}

if (process.argv[1] === import.meta.filename) {
  await bundle();
  declareTypes();
}
