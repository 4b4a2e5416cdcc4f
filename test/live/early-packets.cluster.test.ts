/** What pods send before a slow firewall knows them (design section 10): a real API server, nftables, packets, and `sallyport wait` as a process. */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bookedDrops } from '../../src/insight/early-drop-book.ts';
import { Border } from '../kit/border.ts';
import { LiveBorder, until } from '../kit/live-border.ts';
import { LiveController } from '../kit/live-controller.ts';
import { Service } from '../kit/service.ts';
import { ended } from '../packets/command.ts';
import { type Seen, Sniffer } from '../packets/sniffer.ts';
import { settle } from '../packets/trials.ts';

const SERVER = '203.0.113.1';
const PORT = 443;
const READINESS_PORT = 8081;
/** So many attempts of TCP, and so many datagrams. */
const ATTEMPTS = 5;
/** More than are remembered, and than a firewall logs at once. */
const INVENTED = 20_000;

let live: LiveBorder;
let border: Border;
let atBorder: Sniffer;
let outside: Sniffer;
let controller: LiveController;
let service: Service;
let pods = 0;

beforeAll(async () => {
  live = await LiveBorder.open({ firewalls: [] });
  const places = Array.from({ length: 9 }, (_, n) => `10.1.0.${n + 1}`);
  border = await Border.open({ pods: places, podNets: ['10.1.0.0/16'], outside: [SERVER], translated: [] }, [PORT]);
  atBorder = await Sniffer.open(border.firewall, 'pin');
  outside = await Sniffer.open(border.outside.namespace, 'out0');
  await live.addFirewall('edge', border.firewall.name);
  await live.post(
    '/apis/sallyport.dev/v1alpha1/clusterborderpolicies',
    'sallyport.dev/v1alpha1',
    'ClusterBorderPolicy',
    { name: 'datagrams' },
    {
      selector: "app == 'pay'",
      namespaceSelector: 'all()',
      egress: [{ action: 'Allow', protocol: 'UDP', nets: [`${SERVER}/32`], ports: [PORT] }],
    },
  );
  controller = await LiveController.start(live.server);
  service = await Service.open(border.inside.namespace, READINESS_PORT, controller.port);
  const { ip } = await newPod();
  await until(held, (addresses) => addresses.includes(ip));
  // The log group of unknown senders has a listener.
  const groups = (): Promise<string> => border.firewall.must('cat', ['/proc/net/netfilter/nfnetlink_log']);
  await until(groups, (text) => /^\s*8\s/m.test(text));
});
afterAll(async () => {
  controller?.devices.letGo('edge');
  service?.close();
  await controller?.stop();
  atBorder?.stop();
  outside?.stop();
  await border?.close();
  await live?.close();
});
beforeEach(() => {
  atBorder.clear();
  outside.clear();
});

interface Pod {
  readonly name: string;
  readonly ip: string;
  readonly uid: string;
}

/** One that is scheduled; it has its address from the start, and the API server knows it at once or later. */
async function newPod(isTold = true): Promise<Pod> {
  pods += 1;
  const [name, ip] = [`pay-${pods}`, `10.1.0.${pods}`];
  const path = '/api/v1/namespaces/shop/pods';
  const spec = { nodeName: 'n1', containers: [{ name: 'c', image: 'x' }] };
  const { metadata } = await live.post(path, 'v1', 'Pod', { name, namespace: 'shop', labels: { app: 'pay' } }, spec);
  const pod = { name, ip, uid: String(metadata.uid) };
  if (isTold) await tellAddress(pod);
  return pod;
}

async function tellAddress({ name, ip }: Pod): Promise<void> {
  const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }] };
  const path = `/api/v1/namespaces/shop/pods/${name}/status`;
  await live.admin.json('PATCH', path, { status }, 'application/merge-patch+json');
}

/** Addresses of pods that the border holds. */
async function held(): Promise<readonly string[]> {
  const { stdout } = await border.firewall.run('nft', ['-s', 'list', 'table', 'inet', 'sallyport']);
  return [...stdout.matchAll(/\b10\.1\.0\.\d+\b(?!\/)/g)].map(([address]) => address);
}

/** Packets that the kernel dropped there as of unknown senders. */
async function kernelCount(): Promise<number> {
  const text = await border.firewall.must('nft', ['list', 'table', 'inet', 'sallyport']);
  const [, packets] = /counter packets (\d+) bytes \d+ goto denied comment "unknown"/.exec(text) ?? [];
  return Number(packets);
}

async function metric(sender: 'early' | 'nobody'): Promise<number> {
  const { values } = await controller.metrics.unknownDrops.get();
  return values.find(({ labels }) => labels.sender === sender)?.value ?? 0;
}

/** Events on a pod, as `kubectl describe` finds them. */
async function events({ uid }: Pod): Promise<readonly string[]> {
  const path = `/api/v1/namespaces/shop/events?fieldSelector=involvedObject.uid%3D${uid}`;
  const { items } = await live.admin.json<{ items: readonly { reason: string; message: string }[] }>('GET', path);
  return items.map(({ reason, message }) => `${reason}: ${message}`);
}

const of = (packets: readonly Seen[], { ip }: Pod): readonly Seen[] => packets.filter(({ source }) => source === ip);

/** What an application does at once: TCP and UDP to where it may go, one after the other. How many were answered. */
async function application({ ip: from }: Pod, timeoutMs: number): Promise<number> {
  let answered = 0;
  for (let n = 0; n < ATTEMPTS; n++)
    for (const transport of ['tcp', 'udp'] as const) {
      const { outcome } = await border.inside[transport]({ from, to: SERVER, port: PORT, timeoutMs });
      if (outcome === 'passed') answered += 1;
    }
  return answered;
}

/** The init container: `sallyport wait` in the network of the pods. */
function initContainer({ name, uid }: Pod, said: string[]): ChildProcess {
  const words = ['wait', '--url', service.url, '--pod', `shop/${name}`, '--uid', uid];
  const command = ['-c', 'exec "$@" 2>&1', 'sh', process.execPath, live.command.program, ...words];
  const child = border.inside.namespace.start('sh', command);
  if (child.stdout === null) throw new Error('it has a pipe');
  createInterface({ input: child.stdout }).on('line', (line) => said.push(line));
  return child;
}

describe('a pod behind a slow firewall', () => {
  test('with the init container: no packet of the application reaches the border before it knows the address', async () => {
    const before = [await kernelCount(), await metric('early')];
    controller.devices.hold('edge');
    const pod = await newPod();
    const said: string[] = [];
    const init = initContainer(pod, said);
    let code: number | null | undefined;
    const start = ended(init).then((ends) => {
      code = ends;
      return performance.timeOrigin + performance.now();
    });
    await until(
      () => said.length > 0 && controller.controller.world.owners.get(pod.ip),
      (owner) => owner === `pod:shop/${pod.name}`,
    );
    // Long enough for a process that does not wait to be gone.
    await pause(1_500);
    expect([code, await held()]).toEqual([undefined, expect.not.arrayContaining([pod.ip])]);
    controller.devices.letGo('edge');
    const startedAt = await start;
    expect([code, said[0]]).toEqual([0, `waiting for the border: shop/${pod.name} at ${service.url}`]);
    expect(await held()).toContain(pod.ip);

    expect(await application(pod, 5_000)).toBe(2 * ATTEMPTS);
    await settle(border, outside);
    // All of it passed. The two sniffers are two processes.
    await until(
      () => [of(outside.packets, pod).length, of(atBorder.packets, pod).length],
      ([passed, reached]) => passed === reached,
    );
    const reached = of(atBorder.packets, pod);
    expect(reached.length).toBeGreaterThanOrEqual(2 * ATTEMPTS);
    expect(reached.filter(({ at }) => at < startedAt)).toEqual([]);
    expect([await kernelCount(), await metric('early')]).toEqual(before);
    expect(await events(pod)).toEqual([]);
  });

  test('without it: early packets are dropped at the border and counted under the pod’s name, and pass once it is known', async () => {
    const before = { kernel: await kernelCount(), early: await metric('early') };
    const pod = await newPod(false);
    // Nobody but the node knows of the address yet.
    expect(await application(pod, 30)).toBe(0);
    controller.devices.hold('edge');
    await tellAddress(pod);
    await until(
      () => controller.controller.world.owners.get(pod.ip),
      (owner) => owner === `pod:shop/${pod.name}`,
    );
    expect(await application(pod, 30)).toBe(0);
    const reached = await until(
      () => of(atBorder.packets, pod).length,
      (packets) => packets >= 4 * ATTEMPTS,
    );
    await settle(border, outside);
    expect(of(outside.packets, pod)).toEqual([]);
    // A connection that had to wait for long was tried again meanwhile; and the sniffer is another process.
    const [exact] = await until(
      async () => [await kernelCount(), of(atBorder.packets, pod).length] as const,
      ([counted, seen]) => seen >= reached && counted === before.kernel + seen,
    );
    const dropped = exact - before.kernel;
    await until(
      () => metric('early'),
      (packets) => packets >= before.early + dropped,
    );
    expect(await metric('early')).toBe(before.early + dropped);

    const [event = ''] = await until(
      () => events(pod),
      (told) => told.length > 0,
    );
    expect(event).toMatch(
      new RegExp(
        `^DroppedAtBorder: edge dropped ${dropped} packets of ${pod.ip} before it knew the pod, from 20\\S+ to 20\\S+\\. `,
      ),
    );
    expect(controller.warnings.filter((line) => line.includes(`"sender":"shop/${pod.name}"`))).toEqual([
      expect.stringContaining(`"address":"${pod.ip}","packets":${dropped},`),
    ]);

    // The pod may go; who has the address from a log of the firewall still finds its name.
    expect(bookedDrops(controller.stateFolder, pod.ip)).toMatchObject([
      { firewall: 'edge', sender: `shop/${pod.name}`, packets: dropped },
    ]);

    controller.devices.letGo('edge');
    await until(held, (addresses) => addresses.includes(pod.ip));
    await until(
      () => controller.isConfirmed('edge'),
      (confirmed) => confirmed,
    );
    expect(await application(pod, 5_000)).toBe(2 * ATTEMPTS);
    expect([await kernelCount(), await metric('early')]).toEqual([exact, before.early + dropped]);
  });

  test('after a flood of invented senders: all of it is dropped, and who comes then is known and named as before', async () => {
    const before = await kernelCount();
    await border.inside.namespace.ip('route add local 10.1.0.0/16 dev lo');
    const script = join(import.meta.dirname, '../kit/invented-senders.mjs');
    await border.inside.namespace.must(process.execPath, [script, String(INVENTED), SERVER, String(PORT)]);
    const exact = await until(kernelCount, (packets) => packets >= before + INVENTED);
    await settle(border, outside);
    expect(outside.packets.filter(({ source }) => source.startsWith('10.1.'))).toEqual([]);

    controller.devices.hold('edge');
    const pod = await newPod();
    await until(
      () => controller.controller.world.owners.get(pod.ip),
      (owner) => owner === `pod:shop/${pod.name}`,
    );
    // By now the log of the firewall takes packets again: two thousand a second.
    await pause(1_000);
    expect(await application(pod, 30)).toBe(0);
    const dropped = (await until(kernelCount, (packets) => packets > exact)) - exact;
    const [event = ''] = await until(
      () => events(pod),
      (told) => told.length > 0,
    );
    expect(event).toContain(`edge dropped ${dropped} packets of ${pod.ip} `);
    controller.devices.letGo('edge');
    await until(held, (addresses) => addresses.includes(pod.ip));
    expect(await application(pod, 5_000)).toBe(2 * ATTEMPTS);
  });
});
