import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { expect } from 'vitest';
import { deviceText } from './device-text.ts';
import { STORIES, tell, type Teller } from './run.ts';
import { Stage } from './stage.ts';

const from = (...texts: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...texts);
const lines = (...parts: readonly (string | fc.Arbitrary<string>)[]): fc.Arbitrary<string> =>
  fc
    .tuple(...parts.map((part) => (typeof part === 'string' ? fc.constant(part) : part)))
    .map((words) => words.join(''));

const pod = from('shop/a', 'shop/b', 'shop/c', 'lab/d', 'lab/e');
const address = from('10.1.0.1', '10.1.0.2', '10.1.0.3,fd01::3', '10.9.0.4', '-', '172.16.0.9');
const app = from('till', 'web', 'none');
const egress = from(
  '[]',
  '[{ action: Allow, nets: [203.0.113.0/24] }]',
  '[{ action: Deny, nets: [203.0.113.0/28] }, { action: Allow, protocol: TCP, ports: [443] }]',
  '[{ action: Deny, nets: [bad] }, { action: Allow }]',
  '[{ action: Allow, nets: [bad] }, { action: Pass }]',
  "[{ action: Allow, selector: partner == 'yes' }]",
);
const clusterEgress = from('[]', '[{}]', '[{ to: [{ ipBlock: { cidr: 203.0.113.0/24 } }] }]');
const calicoEgress = from(
  '[]',
  '[{ action: Pass }]',
  "[{ action: Deny, destination: { selector: partner == 'yes' } }, { action: Pass, protocol: TCP }]",
  '[{ action: Deny, destination: { nets: [bad] } }, { action: Allow }]',
);
const translate = from(
  '{ address: 192.0.2.1 }',
  '{ addresses: [192.0.2.1, 192.0.2.2] }',
  '{ none: true }',
  '{ bad: 1 }',
);

/** Lines of a story that nobody wrote. Those that make no sense where they stand are skipped. */
export const wanderingLine = fc.oneof(
  { weight: 6, arbitrary: lines('pod ', pod, ' ', address, ' app=', app, ' on ', from('node-1', 'node-2')) },
  { weight: 3, arbitrary: lines('delete Pod/', pod) },
  { weight: 3, arbitrary: lines('label pod ', pod, ' app=', app) },
  { weight: 3, arbitrary: lines('set ClusterBorderPolicy/', from('till', 'web'), ' "spec.egress=', egress, '"') },
  {
    weight: 1,
    arbitrary: lines('set ClusterBorderPolicy/till "spec.selector=', from("app == 'till'", 'app ==', 'all()'), '"'),
  },
  { weight: 2, arbitrary: lines('set SourceNAT/bank "spec.translate=', translate, '"') },
  { weight: 1, arbitrary: lines('set BorderFirewall/edge-1 spec.unselected=', from('Deny', 'Ignore')) },
  { weight: 1, arbitrary: lines('set IPPool/hidden spec.natOutgoing=', from('true', 'false')) },
  { weight: 2, arbitrary: lines('source ', from('breaks', 'vanishes', 'empties', 'returns', 'returns', 'returns')) },
  { weight: 2, arbitrary: lines('tamper edge-1 ', from('forgets', 'strips'), ' ', from('10.1.0.1', '10.1.0.2')) },
  { weight: 1, arbitrary: lines('tamper edge-1 admits ', from('10.1.0.2', '10.1.0.66'), ' like 10.1.0.1') },
  { weight: 2, arbitrary: lines('kill controller ', from('before', 'after'), ' write ', from('1', '2', '3')) },
  { weight: 1, arbitrary: from('restart controller', 'silence edge-1 2', 'advance 10s') },
  {
    weight: 2,
    arbitrary: lines('set BorderFirewall/edge-1 spec.policies.tiers=', from('[]', '[default]', '[outer,default]')),
  },
  { weight: 1, arbitrary: lines('set Tier/outer spec.defaultAction=', from('Pass', 'Deny')) },
  { weight: 2, arbitrary: lines('set NetworkPolicy/shop/pods "spec.egress=', clusterEgress, '"') },
  { weight: 2, arbitrary: lines('set GlobalNetworkPolicy/outer.all "spec.egress=', calicoEgress, '"') },
  { weight: 2, arbitrary: lines('set BorderPolicy/lab/own "spec.egress=', egress, '"') },
  { weight: 1, arbitrary: lines('label namespace ', from('lab', 'shop'), ' ', from('may=yes', 'may-')) },
  {
    weight: 2,
    arbitrary: lines('set GlobalNetworkSet/bank "spec.nets=', from('[203.0.113.0/28]', '[]', '[bad]'), '"'),
  },
  {
    weight: 1,
    arbitrary: lines('set BorderFirewall/edge-1 spec.destinations=', from('[203.0.113.0/24]', '[0.0.0.0/0]')),
  },
  {
    weight: 1,
    arbitrary: lines('delete ', from('Node/node-2', 'IPPool/pods6', 'ClusterBorderPolicy/web', 'SourceNAT/bank')),
  },
  { weight: 1, arbitrary: from('apply world.yaml', 'use cluster.yaml') },
  { weight: 1, arbitrary: lines('set BorderFirewall/edge-1 spec.mode=', from('Approve', 'Observe', 'Enforce', 'bad')) },
  { weight: 1, arbitrary: lines('set BorderFirewall/edge-1 spec.drift=', from('Show', 'Repair')) },
  { weight: 2, arbitrary: from('read plan edge-1', 'approve edge-1', 'advance 2s') },
  { weight: 6, arbitrary: from('settle') },
);

/** How such a story begins. */
const SETTING = ['use cluster.yaml', 'apply world.yaml', 'pod shop/a 10.1.0.1 app=till', 'settle'];
/** How long a device that takes time is waited for, in so many looks; nobody waits for all of them unless it fails. */
const LOOK_MS = 250;
const MOST_LOOKS = 240;
/** Of a device that takes none: two minutes each, of a clock that the story moves. */
const MOST_PASSES = 20;
const WORLD = readFileSync(join(STORIES, 'shared/wandering.yaml'), 'utf8');

/** What a controller that starts from nothing makes of the manifests in a folder. */
async function fromNothing(folder: string): Promise<string> {
  const stage = new Stage();
  try {
    for (const name of readdirSync(folder)) stage.folder.write(name, readFileSync(join(folder, name), 'utf8'));
    await stage.settle();
    return await deviceText(stage, 'edge-1');
  } finally {
    await stage.close();
  }
}

/** A story that wandered: its lines, and then everything that stood in the way is taken away. */
export async function wander(
  wandering: readonly string[],
  plot: (teller: Teller) => Promise<void>,
  stage = new Stage(),
): Promise<void> {
  await tell(
    new Map([['world.yaml', WORLD]]),
    async (teller) => {
      for (const line of SETTING) await teller.run(line);
      for (const line of wandering) await teller.try(line);
      await putRight(teller);
      await plot(teller);
    },
    stage,
  );
}

/** Everything that stands in the way is taken away: the source is back, and the firewall answers. */
async function putRight({ stage, run }: Teller): Promise<void> {
  if (stage.folder.mishap !== undefined) await run('source returns');
  await run('set BorderFirewall/edge-1 spec.mode=Enforce');
  if (stage.devices.takesTime) return await run('settle');
  await run('spare controller');
  // The first may find a process that has died already, and the second starts another.
  await run('settle');
  await run('settle');
  await run('silence edge-1 0');
}

/** Time passes, and somebody says yes to what waits; then the device does what the manifests say, however it came to be. */
export async function arrive({ stage, run }: Teller): Promise<void> {
  const pass = stage.devices.takesTime ? () => pause(LOOK_MS) : () => run('advance 2m');
  const arrived = (): boolean => stage.status('edge-1').conditions[0]?.status === true;
  const most = stage.devices.takesTime ? MOST_LOOKS : MOST_PASSES;
  for (let looks = 0; looks < most && !arrived(); looks++) {
    if (stage.status('edge-1').waiting !== undefined) {
      await run('read plan edge-1');
      await run('approve edge-1');
    }
    await pass();
  }
  expect(stage.status('edge-1').conditions[0]).toMatchObject({ type: 'Ready', status: true });
  expect(await deviceText(stage, 'edge-1')).toBe(await fromNothing(stage.folder.path));
}
