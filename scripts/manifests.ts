/**
 * `npx tsx scripts/manifests.ts` writes `deploy/manifests` from the chart's defaults, for those who do not use Helm. Needs Go, or Helm in the cache.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { renderChart } from './helm.ts';

const HEAD = `# Made from deploy/chart by \`npx tsx scripts/manifests.ts\`; do not edit. First: kubectl apply --server-side -f deploy/crds
apiVersion: v1
kind: Namespace
metadata:
  name: sallyport
  labels:
    pod-security.kubernetes.io/enforce: restricted
`;

/** File name in `deploy/manifests` to text. */
export function manifests(root: string): ReadonlyMap<string, string> {
  const objects = renderChart(root)
    .split('\n')
    // Nobody but Helm would call these objects its own.
    .filter((line) => !/^ +app\.kubernetes\.io\/managed-by: Helm$/.test(line) && !line.startsWith('# Source: '))
    .join('\n');
  return new Map([['sallyport.yaml', `${HEAD}${objects}`]]);
}

if (process.argv[1] === import.meta.filename) {
  const root = join(import.meta.dirname, '..');
  mkdirSync(join(root, 'deploy/manifests'), { recursive: true });
  for (const [name, text] of manifests(root)) writeFileSync(join(root, 'deploy/manifests', name), text);
}
