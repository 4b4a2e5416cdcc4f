import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { firewall, smallMachine } from '../../test/kit/machine.ts';
import { tries } from '../../test/kit/runs.ts';
import { placedInKernel, wholeInKernel } from './late-rules.ts';
import { readMachineObjects } from './objects.ts';
import { machineRuleset } from './ruleset.ts';
import { RulesetMemory } from './ruleset-memory.ts';
import { changeTable, leftOf, replaceTable, type TableParts, tableParts } from './table-change.ts';
import { linesOf, tableLines, textOf } from './table-text.ts';

const { input } = smallMachine('');
const firewalls = [
  '{}',
  '{ logAcceptedConnections: true }',
  '{ rateLimits: [{ networkID: internet, rate: 5 }], allowedNetworks: { egress: [0.0.0.0/0, "::/0"], ingress: [0.0.0.0/0] } }',
  '{ egressRules: [{ networkID: internet, ips: [203.0.113.7] }], internalPrefixes: [10.0.0.0/16] }',
].map((spec) => smallMachine(firewall(spec)).input.firewall);

/** What a policy may be at a time; some are bad, and some say what others do. */
const entries = (number: number, kind: number): unknown => {
  const to = (rule: number): unknown => [{ cidr: `20.${number}.${rule}.0/24` }];
  const egress = Array.from({ length: 20 }, (_, rule) => ({
    to: to(rule),
    ports: [{ protocol: 'TCP', port: 80 + kind }],
  }));
  const odd = [
    { egress: [{ to: [{ cidr: 'nonsense' }], ports: [{ protocol: 'TCP', port: 1 }] }] },
    { egress: [...egress, ...egress], ingress: [{ ports: [{ protocol: 'UDP', port: 53 }] }] },
    {
      egress: [
        {
          to: [{ cidr: '2001:db8::/32' }, { cidr: '192.0.2.0/24', except: ['192.0.2.7/32'] }],
          ports: [{ protocol: 'TCP', port: 443 }],
        },
      ],
    },
    { egress: 7 },
  ];
  return kind < 2 ? { egress } : odd[kind - 2];
};
const KINDS = 6;
const MANY = 104;

const objectOf = (number: number, kind: number): unknown => ({
  apiVersion: 'metal-stack.io/v1',
  kind: 'ClusterwideNetworkPolicy',
  metadata: { name: `policy-${number}`, namespace: 'firewall' },
  spec: entries(number, kind),
});
const readOf = (raw: unknown) => readMachineObjects([{ raw, place: {}, locate: () => ({}), base: [] }], []).policies;

/** The chains of a table, obeying nft's commands about rules; a handle never comes again. */
class Chains {
  readonly rules = new Map<string, { readonly handle: number; readonly text: string }[]>();
  #next = 1;

  handlesOf = (chain: string): readonly number[] | undefined => this.rules.get(chain)?.map(({ handle }) => handle);

  get texts(): Readonly<Record<string, readonly string[]>> {
    return Object.fromEntries([...this.rules].map(([name, rules]) => [name, rules.map(({ text }) => text)]));
  }

  replace({ chains }: TableParts): void {
    this.rules.clear();
    for (const [name, { rules }] of chains)
      this.rules.set(
        name,
        rules.map((text) => ({ handle: this.#next++, text })),
      );
  }

  run(commands: string): void {
    for (const command of commands.split('\n')) {
      const [, verb = '', what = '', chain = '', handle, text = ''] =
        /^(add|insert|delete|flush) (rule|chain) inet firewall (\S+)(?: handle (\d+))? ?(.*)$/.exec(command) ?? [];
      if (what === 'chain' && verb === 'add') this.rules.set(chain, []);
      if (what === 'chain' && verb === 'flush') this.rules.set(chain, []);
      if (what === 'chain' && verb === 'delete') this.rules.delete(chain);
      if (what !== 'rule') continue;
      const rules = this.rules.get(chain) ?? [];
      const at = handle === undefined ? -1 : rules.findIndex((rule) => rule.handle === Number(handle));
      if (handle !== undefined && at < 0) throw new Error(`no handle ${handle}`);
      if (verb === 'delete') rules.splice(at, 1);
      else {
        const place = verb === 'add' && handle === undefined ? rules.length : at + 1;
        rules.splice(place, 0, { handle: this.#next++, text });
      }
    }
  }
}

const textsOf = ({ chains }: TableParts): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries([...chains].map(([name, { rules }]) => [name, rules]));

describe('a table that changes', () => {
  test('comes to the same text, and the same transaction, as one that is made from nothing each time', () => {
    const number = fc.integer({ min: 0, max: MANY + 3 });
    const change = fc.oneof(
      { weight: 6, arbitrary: fc.record({ number, kind: fc.integer({ min: 0, max: KINDS - 1 }) }) },
      { weight: 2, arbitrary: fc.record({ number, kind: fc.constant('gone' as const) }) },
    );
    const step = fc.record({
      changes: fc.array(change, { maxLength: 5 }),
      firewall: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.nat(firewalls.length - 1)),
      /** Somebody else changes the table first. */
      isEdited: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), (steps) => {
        const kinds = new Map(Array.from({ length: MANY }, (_, each) => [each, 0]));
        const policies = new Map([...kinds].map(([each, kind]) => [each, readOf(objectOf(each, kind))]));
        const memory = new RulesetMemory();
        const kernel = new Chains();
        let held: TableParts | undefined;
        // The other way knows of the table what its own text said.
        let otherHeld: TableParts | undefined;
        for (const { changes, firewall: which, isEdited } of [
          { changes: [], firewall: 0, isEdited: false },
          ...steps,
        ]) {
          for (const { number: each, kind } of changes) {
            if (kind === 'gone') {
              kinds.delete(each);
              policies.delete(each);
            } else {
              kinds.set(each, kind);
              policies.set(each, readOf(objectOf(each, kind)));
            }
          }
          const spec = firewalls[which] ?? input.firewall;
          const made = tableLines(
            machineRuleset({ ...input, firewall: spec, policies: [...policies.values()].flat() }, memory).ruleset,
          );
          const anew = [...kinds].flatMap(([each, kind]) => readOf(objectOf(each, kind)));
          const text = textOf(tableLines(machineRuleset({ ...input, firewall: spec, policies: anew }).ruleset));
          expect(textOf(made)).toBe(text);
          if (isEdited) [held, otherHeld] = [undefined, undefined];
          const [wanted, other] = [tableParts(made), tableParts(linesOf(text))];
          const [placed, otherPlaced] = [placedInKernel(wanted, held), placedInKernel(other, otherHeld)];
          const change = held && changeTable(held, placed, kernel.handlesOf);
          expect(change).toBe(otherHeld && changeTable(otherHeld, otherPlaced, kernel.handlesOf));
          if (change === undefined) {
            [held, otherHeld] = [placedInKernel(wanted, undefined), placedInKernel(other, undefined)];
            const whole = wholeInKernel(made, held);
            expect(tableParts(linesOf([...replaceTable(whole, undefined)].join('')))).toEqual(held);
            kernel.replace(held);
          } else {
            for (const [name, { rules }] of held?.chains ?? []) {
              const left = leftOf(rules, placed.chains.get(name)?.rules ?? []);
              const handles = kernel.handlesOf(name);
              if (left !== undefined && placed.chains.has(name))
                expect(left.map((place) => handles?.[place])).toHaveLength(placed.chains.get(name)?.rules.length ?? 0);
            }
            kernel.run(change);
            [held, otherHeld] = [placed, otherPlaced];
          }
          expect(textsOf(held)).toEqual(textsOf(otherHeld));
          expect(kernel.texts).toEqual(textsOf(held));
        }
      }),
      tries(15, 3),
    );
  });
});
