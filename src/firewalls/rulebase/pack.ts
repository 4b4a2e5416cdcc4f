import type { ObjectChange, Step } from '../../plan/step.ts';
import type { GroupKey } from './model.ts';
import { groupKey } from './model.ts';
import type { Operation, RuleBaseStep } from './operation.ts';

/** Operations that follow each other, and what they are for. */
export interface Stretch {
  readonly kind: Step['kind'];
  readonly title: string;
  readonly operations: readonly Operation[];
  readonly urgent?: boolean;
  readonly exposes?: Step['exposes'];
}

/** Whether an operation takes the fast way. */
export function isVolatileWay(operation: Operation): boolean {
  return operation.kind === 'ChangeMembers' && operation.group.store === 'Volatile';
}

/**
 * Stretches as steps: operations of one way that follow each other are one step, up to what takes effect together. Stretches are not mixed,
 * except that what only tidies up goes with the configured step before it, which is written anyway, and that members move the fast way together.
 */
export function packed(stretches: readonly Stretch[], transaction: number): readonly RuleBaseStep[] {
  const steps: RuleBaseStep[] = [];
  for (const stretch of stretches) {
    const previous = steps.at(-1);
    if (stretch.kind === 'Clean' && previous !== undefined && takes(previous, stretch.operations, transaction)) {
      steps[steps.length - 1] = stepOf({
        ...stretch,
        ...onlyHead(previous),
        operations: [...previous.operations, ...stretch.operations],
      });
      continue;
    }
    for (const operations of runs(stretch.operations, transaction)) {
      const step = stepOf({ ...stretch, operations });
      const last = steps.at(-1);
      if (last !== undefined && isMoreOf(last, step))
        steps[steps.length - 1] = stepOf({ ...onlyHead(last), operations: [...last.operations, ...operations] });
      else steps.push(step);
    }
  }
  return steps;
}

/** Members that move the fast way are one step, however many stretches they stand in: there is nothing to be read in between. */
function isMoreOf(last: RuleBaseStep, next: RuleBaseStep): boolean {
  const isSame = last.urgent === next.urgent && last.exposes?.flows === next.exposes?.flows;
  return isSame && [last, next].every(({ way, kind }) => way === 'Volatile' && kind === 'Members');
}

function takes(step: RuleBaseStep, operations: readonly Operation[], transaction: number): boolean {
  return step.way === 'Configured' && !step.urgent && step.operations.length + operations.length <= transaction;
}

function onlyHead({ kind, title, urgent, exposes }: RuleBaseStep): Omit<Stretch, 'operations'> {
  return { kind, title, urgent, ...(exposes === undefined ? {} : { exposes }) };
}

function* runs(operations: readonly Operation[], transaction: number): Generator<readonly Operation[]> {
  let run: Operation[] = [];
  for (const operation of operations) {
    const first = run[0];
    const isFull = first !== undefined && !isVolatileWay(first) && run.length >= transaction;
    if (first !== undefined && (isFull || isVolatileWay(first) !== isVolatileWay(operation))) {
      yield run;
      run = [];
    }
    run.push(operation);
  }
  if (run.length > 0) yield run;
}

function stepOf({ kind, title, operations, urgent = false, exposes }: Stretch): RuleBaseStep {
  const groups = new Set<GroupKey>();
  for (const operation of operations) if ('group' in operation) groups.add(groupKey(operation.group));
  const [first] = operations;
  return {
    kind,
    title,
    urgent,
    ...(exposes === undefined ? {} : { exposes }),
    way: first !== undefined && isVolatileWay(first) ? 'Volatile' : 'Configured',
    objects: operations.map(changeOf),
    operations,
    groups,
  };
}

/** An operation in one line, for plans. */
function changeOf(operation: Operation): ObjectChange {
  switch (operation.kind) {
    case 'MakeObject':
    case 'RemoveObject': {
      const { name, value } = operation.object;
      return { change: operation.kind === 'MakeObject' ? '+' : '-', kind: 'address', name, detail: value };
    }
    case 'MakeService':
    case 'RemoveService': {
      const { name } = operation.service;
      return { change: operation.kind === 'MakeService' ? '+' : '-', kind: 'service', name, detail: '' };
    }
    case 'MakeGroup':
    case 'RemoveGroup':
    case 'MarkGroup': {
      const { name, members } = operation.group;
      const change = operation.kind === 'MakeGroup' ? '+' : operation.kind === 'RemoveGroup' ? '-' : '~';
      return { change, kind: 'group', name, detail: change === '~' ? 'marked as ours' : `${members.size} members` };
    }
    case 'ChangeMembers': {
      const { group, joins, leaves } = operation;
      return { change: '~', kind: 'group', name: group.name, detail: `${joins.length} join, ${leaves.length} leave` };
    }
    default:
      return ruleChange(operation);
  }
}

const CHANGES = { Insert: '+', Remove: '-', Move: '~', Edit: '~' } as const;

function ruleChange({ kind, rule }: Extract<Operation, { readonly rule: unknown }>): ObjectChange {
  const isRule = kind.endsWith('Rule');
  const verb = kind.slice(0, -(isRule ? 'Rule' : 'Translation').length) as keyof typeof CHANGES;
  return { change: CHANGES[verb], kind: isRule ? 'rule' : 'translation', name: rule.name, detail: rule.comment };
}
