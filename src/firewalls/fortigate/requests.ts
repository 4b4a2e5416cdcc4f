import type { RuleBaseStep } from '../rulebase/operation.ts';
import { Editor } from './editor.ts';
import { feedChanges } from './feed-changes.ts';
import { feedRequests } from './feeds.ts';
import { type Ask, targetOf } from './fortios-api.ts';
import { rowName } from './policy-order.ts';
import { PORTS } from './rows.ts';
import type { FortigateScope } from './scope.ts';
import { Snapshot } from './snapshot.ts';
import type { Position } from './settings.ts';
import type { Table } from './tables.ts';
import { TRANSACTION_SECONDS, type Write, requestOf } from './transaction.ts';
import { POLICY, TRANSLATION } from './words.ts';

const NOTES = [
  '# What a device is sent that holds nothing of ours, in order. "(NAME)" is the number that it gave the policy or',
  '# translation NAME; moves next to entries of others that it does not have are left out. Between transaction-start and',
  '# transaction-commit every request has the header X-TRANSACTION-ID with the number that the first one was answered.',
];

/** What a FortiGate that holds nothing of ours would be sent, request by request, for people. `steps`: from nothing to what is wanted. */
export function renderRequests(steps: readonly RuleBaseStep[], scope: FortigateScope, vdom: string): string {
  if (steps.length === 0) return '';
  const editor = new Editor(bareDevice(scope), scope, new Set(), { has: () => false });
  const line = (ask: Ask): string =>
    `${ask.method} ${targetOf(vdom, ask)}${ask.body === undefined ? '' : `\n  ${JSON.stringify(ask.body)}`}\n`;
  const transaction = (action: 'start' | 'commit', body: object): string =>
    line({ method: 'POST', path: 'cmdb', query: { action: `transaction-${action}` }, body });
  const texts = steps.map(({ title, way, operations }) => {
    const requests: string[] = [];
    if (way === 'Volatile') {
      const feeds = new Set(operations.flatMap((one) => (one.kind === 'ChangeMembers' ? [one.group.name] : [])));
      requests.push(...feedRequests(feedChanges(operations, feeds, () => [])).map(line));
    } else {
      const writes = editor.change(operations, '(this process)');
      for (let next = writes.next(); next.done !== true; next = writes.next(keyOf(next.value, scope)))
        requests.push(line(requestOf(next.value, PORTS)));
      requests.unshift(transaction('start', { timeout: TRANSACTION_SECONDS }));
      requests.push(transaction('commit', { 'transaction-id': '(as answered)' }));
    }
    return `\n# ${title}\n${requests.join('')}`;
  });
  return `${NOTES.join('\n')}\n${texts.join('')}`;
}

/** The device chooses numbers for policies and translations. */
function keyOf(write: Write, scope: FortigateScope): string | undefined {
  const isNumbered = write.kind === 'create' && (write.table === POLICY || write.table === TRANSLATION);
  return isNumbered ? placeholder(rowName(write.table, write.row, scope)) : undefined;
}

function placeholder(name: string): string {
  return `(${name})`;
}

/** Nothing of ours, and what others have next to where ours shall stand. */
function bareDevice({ position }: FortigateScope): Snapshot {
  const table = (...names: readonly string[]): Table => ({
    revision: '',
    rows: names.map((name) => ({ policyid: placeholder(name), name, comments: '' })),
    fresh: {},
  });
  return new Snapshot(
    new Map([
      [POLICY, table(...neighbours(position))],
      [TRANSLATION, table('first-translation-of-others')],
    ]),
    new Map(),
  );
}

function neighbours(position: Position): readonly string[] {
  if (position === 'First') return ['first-policy-of-others'];
  if (position === 'Last') return [];
  return 'after' in position ? [position.after, 'policy-below-it'] : [position.before];
}
