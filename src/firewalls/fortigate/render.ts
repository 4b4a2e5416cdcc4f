import { serviceText } from '../flat/service-parts.ts';
import type { Operation } from '../rulebase/operation.ts';
import type { FortigateScope } from './scope.ts';

/** Operations as text, for people and digests: no keys that a device chooses, no revision, no time. */
export function renderOperations(operations: readonly Operation[], scope: FortigateScope): string {
  return operations.map((operation) => `${textOf(operation, scope)}\n`).join('');
}

function textOf(operation: Operation, { position, interfaces }: FortigateScope): string {
  switch (operation.kind) {
    case 'MakeObject':
    case 'RemoveObject':
      return line(operation.kind, operation.object);
    case 'MakeService':
    case 'RemoveService': {
      const { name, mark, match } = operation.service;
      return line(operation.kind, { name, mark, match: serviceText(match) });
    }
    case 'MakeGroup':
    case 'MarkGroup':
    case 'RemoveGroup': {
      const { members, ...group } = operation.group;
      const isMade = operation.kind === 'MakeGroup';
      return line(operation.kind, { ...group, ...(isMade ? { members: [...members].toSorted() } : {}) });
    }
    case 'ChangeMembers': {
      const { name, family, store } = operation.group;
      const { joins, leaves } = operation;
      return line(operation.kind, { name, family, store, joins: joins.toSorted(), leaves: leaves.toSorted() });
    }
    case 'RemoveRule':
    case 'RemoveTranslation':
      return line(operation.kind, { name: operation.rule.name });
    default:
      return line(operation.kind, {
        ...operation.rule,
        ...('after' in operation ? { after: operation.after } : {}),
        ...(operation.kind.startsWith('Insert') ? { position, interfaces } : {}),
      });
  }
}

function line(kind: string, what: object): string {
  return `${kind} ${JSON.stringify(what)}`;
}
