import { expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { StatusServer } from '../../test/kit/status-server.ts';
import { SallyportError } from '../base/error.ts';
import { silentLog } from '../base/log.ts';
import type { HappenedEvent } from './event-forms.ts';
import { EventRecorder } from './events.ts';

function setUp() {
  const clock = new FakeClock();
  const server = new StatusServer();
  const measured: string[] = [];
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (_: object, message: string) => void warnings.push(message) };
  const measure = (result: string): void => void measured.push(result);
  const events = new EventRecorder({ client: server, clock, log, instance: 'edge-a', measure });
  return { clock, server, events, measured, warnings };
}

function event(more: Partial<HappenedEvent> = {}, name = 'edge-1', namespace = ''): HappenedEvent {
  const plural = namespace === '' ? 'borderfirewalls' : 'borderpolicies';
  const kind = namespace === '' ? 'BorderFirewall' : 'BorderPolicy';
  return {
    object: { group: 'sallyport.dev', version: 'v1alpha1', plural, kind, namespace, name, uid: 'u-1' },
    type: 'Warning',
    reason: 'Drifted',
    action: 'Observe',
    note: 'somebody changed chain x',
    ...more,
  };
}

test('an event as the API wants it', async () => {
  const { server, events } = setUp();
  events.record(event());
  await events.settled();
  expect(server.events).toMatchObject([
    {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { namespace: 'default' },
      eventTime: '2026-01-05T12:00:00.000000Z',
      reportingController: 'sallyport.dev/controller',
      reportingInstance: 'edge-a',
      action: 'Observe',
      reason: 'Drifted',
      type: 'Warning',
      note: 'somebody changed chain x',
      regarding: { apiVersion: 'sallyport.dev/v1alpha1', kind: 'BorderFirewall', name: 'edge-1', uid: 'u-1' },
    },
  ]);
});

test('of an object in a namespace it lives there, and of long words as much as may be', async () => {
  const { server, events } = setUp();
  events.record(event({ note: 'x'.repeat(5_000) }, `${'n'.repeat(250)}`, 'shop'));
  await events.settled();
  const [found] = server.events as { metadata: { name: string; namespace: string }; note: string }[];
  expect(server.requests[0]?.path).toBe('/apis/events.k8s.io/v1/namespaces/shop/events');
  expect(found?.metadata.namespace).toBe('shop');
  expect(found?.metadata.name.length).toBeLessThanOrEqual(253);
  expect(found?.note.length).toBe(1_024);
});

test('what repeats is one series, told once a minute', async () => {
  const { clock, server, events } = setUp();
  for (let second = 0; second < 600; second++) {
    events.record(event());
    clock.advance(1_000);
    await events.settled();
  }
  expect(server.events).toMatchObject([{ series: { count: 600, lastObservedTime: '2026-01-05T12:09:59.000000Z' } }]);
  expect(server.requests.length).toBeLessThanOrEqual(11);
});

test('after a quiet while the same is a new event', async () => {
  const { clock, server, events } = setUp();
  events.record(event());
  clock.advance(3_600_000);
  events.record(event());
  await events.settled();
  expect(server.events).toHaveLength(2);
});

test('one object that never rests does not take the events of others', async () => {
  const { server, events, measured } = setUp();
  for (let index = 0; index < 1_000; index++) events.record(event({ note: `plan ${index}` }));
  events.record(event({ note: 'mine' }, 'edge-2'));
  await events.settled();
  expect(server.events).toHaveLength(11);
  expect(measured.filter((result) => result === 'dropped')).toHaveLength(990);
  expect(server.events.at(-1)).toMatchObject({ note: 'mine' });
});

test('an event that cannot be written is left out and said once', async () => {
  const { server, events, warnings, measured } = setUp();
  server.failing(() => new SallyportError('API_FORBIDDEN', 'no'));
  for (let index = 0; index < 5; index++) events.record(event({ note: String(index) }));
  await events.settled();
  expect(warnings).toHaveLength(1);
  expect(measured).toEqual(Array(5).fill('API_FORBIDDEN'));
  server.failing(undefined);
  events.record(event({ note: 'later' }));
  await events.settled();
  expect(server.events).toHaveLength(1);
});

test('whoever stops leaves no timer', async () => {
  const { clock, events } = setUp();
  events.record(event());
  events.record(event());
  await events.stop();
  expect(clock.next()).toBeUndefined();
});
