import { resourceKey } from '../../api/resource.ts';
import { compareUtf8 } from '../../base/compare.ts';
import { SallyportError } from '../../base/error.ts';
import { closest } from '../../base/closest.ts';
import { ownSelector } from '../../border/own-policies.ts';
import type { LiveWorld } from '../../controller/world/live-world.ts';
import type { Engine } from '../../engine/engine.ts';
import { endpointsOf, type Mention, mentionedBy, shownPolicies } from '../../engine/queries.ts';
import { effectiveLabels } from '../../inventory/labels.ts';
import type { PolicyId, Staged } from '../../inventory/model.ts';
import { rewrapped } from '../connection-text.ts';
import { type EndpointData, endpointData, endpointRow } from '../endpoint-text.ts';
import { type ExitCode, exit } from '../exit.ts';
import type { OutputOptions, WorldOptions } from '../options.ts';
import { table, printResult, type Terminal } from '../terminal.ts';
import { readWholeWorld } from '../world.ts';

interface PolicyAnswer {
  readonly policy: PolicyId;
  /** Tier of a cluster policy; a border policy's layer. */
  readonly tier: string;
  readonly order: number | null;
  readonly staged?: Staged;
  readonly selector: string;
  readonly endpoints: readonly EndpointData[];
  readonly rules: readonly Mention[];
}

/** `sallyport policy NAME`: the endpoints that a policy applies to, and those that its rules select. */
export async function policy(
  terminal: Terminal,
  options: WorldOptions & OutputOptions,
  name: string,
): Promise<ExitCode> {
  const { world, policies: cluster } = await readWholeWorld(terminal, options);
  const known = new Map([...clusterPolicies(cluster()), ...borderPolicies(world)]);
  const policies = named([...known.keys()].sort(compareUtf8), name).flatMap((id) => known.get(id)?.() ?? []);
  printResult(terminal, options.output, 'PolicyEndpoints', { policies }, () => policies.map(block).join('\n\n'));
  return exit.done;
}

/** Policies of a name (`namespace/name`, or `name` for cluster scope), or of a whole id; several kinds may share one. */
function named(ids: readonly PolicyId[], name: string): readonly PolicyId[] {
  const withoutKind = (id: PolicyId): string => id.slice(id.indexOf('/') + 1);
  const found = ids.filter((id) => id === name || withoutKind(id) === name);
  if (found.length > 0) return found;
  const names = ids.map(withoutKind);
  const near = names.find((known) => known.endsWith(`/${name}`)) ?? closest(name, names);
  const hint = near === undefined ? '' : `; did you mean "${near}"?`;
  throw new SallyportError('NOT_FOUND', `no policy is named "${name}"${hint}`);
}

type Answers = Iterable<readonly [PolicyId, () => PolicyAnswer]>;

function* clusterPolicies(engine: Engine): Answers {
  for (const found of shownPolicies(engine)) {
    const { id } = found;
    yield [
      id,
      () => ({
        policy: id,
        tier: found.tier,
        order: finite(found.order),
        ...(found.staged === undefined ? {} : { staged: found.staged }),
        selector: found.appliesTo.canonical,
        endpoints: endpointsOf(engine, id).map((endpoint) => endpointData(engine, endpoint)),
        rules: mentionedBy(engine, id),
      }),
    ];
  }
}

/** Ours select host-network pods too; the inside of their rules is the policy's own selector, so no rule mentions anybody. */
function* borderPolicies({ engine, inventory }: LiveWorld): Answers {
  for (const found of [...inventory.clusterBorderPolicies.values(), ...inventory.borderPolicies.values()]) {
    const id = resourceKey(found);
    yield [
      id,
      () => {
        const selector = ownSelector(found);
        const selected = [...engine.endpoints.values()].filter(
          (endpoint) => endpoint.kind === 'Pod' && selector.matches(effectiveLabels(endpoint, inventory.parents)),
        );
        return {
          policy: id,
          tier: found.type,
          order: finite(found.spec.order),
          selector: selector.canonical,
          endpoints: selected
            .map((endpoint) => endpointData(engine, endpoint.id))
            .sort((a, b) => compareUtf8(a.id, b.id)),
          rules: [],
        };
      },
    ];
  }
}

function finite(order: number): number | null {
  return order === Number.POSITIVE_INFINITY ? null : order;
}

function block({ policy: id, tier, order, staged, selector, endpoints, rules }: PolicyAnswer): string {
  const lines = [
    `${id}  ${tier.endsWith('Policy') ? 'layer' : 'tier'} ${tier}, ${order === null ? 'no order (last)' : `order ${order}`}`,
    staged === undefined ? '' : `  staged, so not enforced; to enforce it would ${wouldDo(staged)}`,
    ...rewrapped(`  selects ${selector}`),
    `  ${staged === undefined ? 'applies' : 'would apply'} to ${endpoints.length} endpoint${endpoints.length === 1 ? '' : 's'}`,
    indent(table(endpoints.map(endpointRow))),
  ];
  if (rules.length > 0) {
    lines.push('  its rules select');
    lines.push(indent(table(rules.map((rule) => [`${rule.direction} rule ${rule.rule}`, rule.side, rule.endpoint]))));
  }
  return lines.filter((line) => line !== '').join('\n');
}

function wouldDo({ action, target }: Staged): string {
  return `${action === 'Delete' ? 'delete' : 'write'} ${target}`;
}

function indent(text: string): string {
  return text === '' ? '' : text.replaceAll(/^/gm, '    ');
}
