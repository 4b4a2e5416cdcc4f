/**
 * `sallyport flow --stdin` from the bundle: explained answers a second, cluster and border, in a world of 1,000 pods, 320 policies of
 * Kubernetes' and Calico's kinds and one border firewall. Timed from the first answer to the last, so that reading the world is left out.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { bundle } from '../scripts/build.ts';
import { load, print, smoke } from './figure.ts';
import { benchWorld, type Raw } from './world.ts';

const PODS = smoke ? 100 : 1000;
const QUESTIONS = smoke ? 200 : 20_000;
const NAMESPACES = Math.max(5, Math.ceil(PODS / 50));
const { frame, pods } = benchWorld(PODS, 'netns:bench');

function kubernetesPolicy(i: number): Raw {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: `p${i}`, namespace: `ns-${i % NAMESPACES}` },
    spec: {
      podSelector: { matchLabels: { app: `app-${i % 10}` } },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        {
          from: [{ podSelector: { matchLabels: { app: `app-${(i + 1) % 10}` } } }, { namespaceSelector: {} }],
          ports: [{ protocol: 'TCP', port: 8080 + (i % 5) }],
        },
      ],
      egress: [
        { to: [{ ipBlock: { cidr: '203.0.113.0/24', except: [`203.0.113.${(i % 16) * 16}/28`] } }] },
        { to: [{ podSelector: {} }], ports: [{ protocol: 'TCP', port: 8080, endPort: 8084 }] },
      ],
    },
  };
}

function globalPolicy(i: number): Raw {
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'GlobalNetworkPolicy',
    metadata: { name: `g${i}` },
    spec: {
      order: 10 + i,
      selector: `role == '${['fe', 'be', 'db', 'job'][i % 4]}'`,
      types: ['Egress'],
      egress: [
        { action: 'Deny', protocol: 'TCP', destination: { nets: [`198.51.${i}.0/24`], ports: [25, '6000:6100'] } },
        { action: 'Log' },
        { action: i % 2 === 0 ? 'Pass' : 'Allow', destination: { nets: [`192.0.${i}.0/24`] } },
      ],
    },
  };
}

const names = pods.map(({ metadata }) => {
  const { namespace, name } = metadata as { namespace: string; name: string };
  return `${namespace}/${name}`;
});
const nameAt = (i: number): string => names[(Math.imul(i, 2654435761) >>> 0) % names.length] ?? '';
const questions = Array.from({ length: QUESTIONS }, (_, i) => ({
  from: nameAt(i),
  to: i % 2 === 0 ? nameAt(i + 7) : `203.0.113.${i % 256}`,
  protocol: i % 3 === 0 ? 'UDP' : 'TCP',
  port: [443, 8080, 53, 8083, 25][i % 5],
}));

await bundle();
const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
try {
  const policies = [
    ...Array.from({ length: 300 }, (_, i) => kubernetesPolicy(i)),
    ...Array.from({ length: 20 }, (_, i) => globalPolicy(i)),
  ];
  const items = [...frame, ...pods, ...policies];
  writeFileSync(join(folder, 'world.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  const command = join(import.meta.dirname, '../dist/sallyport.js');
  const child = spawn(process.execPath, [command, 'flow', '--stdin', '-f', folder], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let answers = 0;
  let first = 0;
  let last = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    last = performance.now();
    if (first === 0) first = last;
    for (const byte of chunk) if (byte === 10) answers++;
  });
  child.stdin.end(questions.map((question) => `${JSON.stringify(question)}\n`).join(''));
  const [code] = (await once(child, 'close')) as [number];
  if (answers !== QUESTIONS || code === 1) throw new Error(`${answers} answers of ${QUESTIONS}, exit code ${code}`);
  print({
    bench: 'cli/flow-stdin',
    unit: 'per second',
    value: (answers / (last - first)) * 1000,
    budget: 5000,
    pods: PODS,
    policies: policies.length,
    questions: QUESTIONS,
    ...load(),
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
