/** Questions from a laptop with the rights of `examples/deploy/laptop`: a real API server, nftables, and commands as processes. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { apply } from '../deploy/definitions.ts';
import { LiveBorder, until } from '../kit/live-border.ts';
import type { ApiObject } from '../kit/raw-api.ts';

const EXAMPLE = join(import.meta.dirname, '../../examples/deploy/laptop');
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const EDGE = 'edge';
let live: LiveBorder;
let kubeconfig: string;

beforeAll(async () => {
  live = await LiveBorder.open({ firewalls: [EDGE] });
  await live.pod('pay-1', '10.1.0.1');
  for (const document of parseAllDocuments(readFileSync(join(EXAMPLE, 'reader.yaml'), 'utf8'))) {
    const one = document.toJS() as ApiObject;
    await apply(live.admin, `${RBAC}/${one.kind.toLowerCase()}s/${one.metadata.name}`, one);
  }
  const certificate = await live.server.certificateFor('someone', ['border-askers']);
  kubeconfig = live.server.kubeconfigFor({ certificate });
  // As the configuration names it.
  const content = parse(readFileSync(kubeconfig, 'utf8')) as { contexts: { name: string }[] };
  for (const context of content.contexts) context.name = 'prod-eu';
  writeFileSync(kubeconfig, JSON.stringify({ ...content, 'current-context': 'prod-eu' }));
});
afterAll(() => live.close());

/** A command with the configuration of the example. */
async function sallyport(
  ...words: readonly string[]
): Promise<{ readonly code: number | null; readonly said: string }> {
  const said: string[] = [];
  const configuration = ['-c', join(EXAMPLE, 'configuration.yaml')];
  const environment = { KUBECONFIG: kubeconfig, STATE_DIRECTORY: join(live.command.root, 'asker') };
  const child = live.command.start([...words, ...configuration], (text) => said.push(text), environment);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, said: said.join('\n') };
}

test.each([
  [['eval', "app == 'pay'"], 0, 'pod:shop/pay-1'],
  [['policy', 'ClusterBorderPolicy/bank'], 0, 'pod:shop/pay-1'],
  [['flow', '--from', 'shop/pay-1', '--to', '203.0.113.1', '--port', '443'], 0, 'bank'],
  [['whois', '10.1.0.1'], 0, 'shop/pay-1'],
  [['plan'], 2, '203.0.113.0/24'],
] as const)('%j is answered', async (words, code, text) => {
  const answer = await sallyport(...words);
  expect(answer.said).toContain(text);
  expect(answer.code).toBe(code);
});

test('nothing can be changed: `run` writes to no firewall, and says why', async () => {
  const copy = await live.copy('by-mistake', kubeconfig);
  await until(
    () => JSON.stringify(copy.lines),
    (text) => text.includes('cannot') && text.includes('leases'),
  );
  await until(
    () => copy.said('changes taken').length,
    (count) => count > 0,
  );
  // A copy with the right to write is done long before.
  await pause(5_000);
  expect(await copy.standing()).not.toContain('writes to edge');
  expect(await live.table(EDGE)).toBe('');
  const { status } = await live.admin.json<{ status?: object }>(
    'GET',
    `/apis/sallyport.dev/v1alpha1/borderfirewalls/${EDGE}`,
  );
  expect(status).toBeUndefined();
  await live.endCopies();
});
