import { expect, test } from 'vitest';
import type { Diagnostic } from '../../../base/diagnostic.ts';
import type { Outcome } from '../reports/outcome.ts';
import { RulesRecord } from './rules-record.ts';

const outcome = (result: Outcome['result'], findings: readonly Diagnostic[] = []): Outcome => ({
  policies: [],
  findings,
  leftOut: [],
  result,
});
const finding = (code: Diagnostic['code'], object: string | undefined, severity: Diagnostic['severity'] = 'error') =>
  ({ severity, code, object, path: '', message: `about ${object}` }) as Diagnostic;

test('loads by what came of them; rules are in force since they changed last', () => {
  const record = new RulesRecord();
  record.take(outcome({ kind: 'kept', because: 'nothing is known', isFailure: false }), 1_000);
  expect([record.last, record.since]).toEqual(['kept', undefined]);
  record.take(outcome({ kind: 'checked' }), 2_000);
  expect([record.last, record.since]).toEqual(['checked', undefined]);
  record.take(outcome({ kind: 'inForce', isChanged: false }), 3_000);
  expect([record.last, record.since]).toEqual(['unchanged', 3_000]);
  record.take(outcome({ kind: 'inForce', isChanged: false }), 4_000);
  expect(record.since).toBe(3_000);
  record.take(outcome({ kind: 'inForce', isChanged: true }), 5_000);
  record.take(outcome({ kind: 'kept', because: 'the disk is full', isFailure: true }), 6_000);
  expect([record.last, record.since]).toEqual(['failed', 5_000]);
  expect(record.loads).toEqual({ changed: 1, unchanged: 2, checked: 1, kept: 1, failed: 1 });
});

test('findings count by controller, code and severity, of the last time alone', () => {
  const record = new RulesRecord();
  const findings = [
    finding('CWNP_INVALID', 'ClusterwideNetworkPolicy/firewall/a'),
    finding('CWNP_INVALID', 'ClusterwideNetworkPolicy/firewall/b'),
    finding('MACHINE_RULES_REFUSED', 'ClusterwideNetworkPolicy/firewall/c'),
    finding('CWNP_NO_EFFECT', undefined, 'warning'),
    finding('CWNP_FORBIDDEN', 'Service/shop/web'),
    finding('MACHINE_RULES_REFUSED', 'Service/shop/web'),
    finding('SERVICE_PENDING', 'Service/shop/api', 'warning'),
    finding('MACHINE_OWN_FLOW', undefined),
  ];
  record.take(outcome({ kind: 'inForce', isChanged: true }, findings), 1_000);
  expect(record.findings.map((each) => Object.values(each).join(' '))).toEqual([
    'cwnp CWNP_INVALID error 2',
    'cwnp MACHINE_RULES_REFUSED error 1',
    'cwnp CWNP_NO_EFFECT warning 1',
    'service CWNP_FORBIDDEN error 1',
    'service MACHINE_RULES_REFUSED error 1',
    'service SERVICE_PENDING warning 1',
    'firewall MACHINE_OWN_FLOW error 1',
  ]);
  record.take(outcome({ kind: 'inForce', isChanged: true }), 2_000);
  expect(record.findings).toEqual([]);
});
