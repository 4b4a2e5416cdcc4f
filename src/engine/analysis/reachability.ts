import { SallyportError } from '../../base/error.ts';
import type { Family } from '../../ip/address.ts';
import type { Engine } from '../engine.ts';
import type { Direction } from '../selected-policies.ts';
import { EndpointClasses } from './endpoint-classes.ts';
import { type Program, type Term, TermReader, allowedBy } from './rule-program.ts';
import { EVERY_SERVICES, NO_SERVICES, type ServiceAlgebra, type ServiceId } from './service-algebra.ts';
import { SideConditions, selectorsOf } from './side-conditions.ts';
import { type Atom, atomsOf } from './world-atoms.ts';

/** Cells of all tables together: 256 MB. */
const MAX_CELLS = 1 << 27;

/** What a program allows at each atom of the peer: the number of a set of services for each. */
export type Row = Uint16Array;

/** Peers at which a program's terms match alike. */
interface Block {
  /** What the conditions on the peer leave there. */
  readonly values: ReadonlyMap<number, ServiceId>;
  size: number;
}

/** A program, and what its terms match for one endpoint and one peer; other endpoints and peers may be in the same situation. */
export interface Situation {
  readonly program: Program;
  readonly matches: (term: Term) => ServiceId;
}

/**
 * Everything that a world allows in one family, exactly: all addresses in atoms that no rule tells apart, and for each pair of atoms the
 * services that may go from the one to the other (semantics 6.3, 6.4). Holds for the engine's state when it was made.
 * @throws SallyportError FLOW_SET_LIMIT where the tables of all pairs would not fit into memory.
 */
export class Reachability {
  readonly family: Family;
  readonly algebra: ServiceAlgebra;
  readonly atoms: readonly Atom[];
  readonly classes: EndpointClasses;
  readonly terms: TermReader;
  readonly #programs: Readonly<Record<Direction, Map<string, Program>>> = { ingress: new Map(), egress: new Map() };
  /** For each condition the atoms at which it leaves something. */
  readonly #atomsOf: readonly (readonly number[])[];
  readonly #rows: Readonly<Record<Direction, Map<string, Row>>> = { ingress: new Map(), egress: new Map() };
  readonly #rowOfAtom: Readonly<Record<Direction, (Row | undefined)[]>> = { ingress: [], egress: [] };
  readonly #numbers = new Map<Program, number>();
  #cells = 0;
  readonly #limit: number;
  #ingress: readonly (Row | undefined)[] | undefined;
  readonly #allowed: Row;

  /** `limit`: of cells in all tables. */
  constructor(engine: Engine, algebra: ServiceAlgebra, limit = MAX_CELLS) {
    this.#limit = limit;
    this.family = algebra.family;
    this.algebra = algebra;
    const conditions = new SideConditions();
    this.terms = new TermReader(algebra, conditions);
    const policies = [...engine.policies.values()];
    const profiles = new Set(Array.from(engine.endpoints.values(), ({ parents }) => parents).flat());
    for (const direction of ['ingress', 'egress'] as const) {
      for (const policy of policies) this.terms.terms(policy, direction);
      for (const id of profiles) this.terms.ofProfile(engine.profile(id), direction);
    }
    const names = conditions.all.flatMap(({ side: { ports, notPorts } }) => [
      ...(ports?.names ?? []),
      ...(notPorts?.names ?? []),
    ]);
    const selectors = [...policies.map(({ appliesTo }) => appliesTo), ...selectorsOf(conditions.all)];
    this.classes = new EndpointClasses(engine, selectors, new Set(names));
    this.atoms = atomsOf(engine, this.family, algebra, this.classes, conditions.all);
    this.#allowed = new Uint16Array(this.atoms.length);
    const atomsOfCondition: number[][] = conditions.all.map(() => []);
    for (const [atom, { values }] of this.atoms.entries())
      for (const condition of values.keys()) atomsOfCondition[condition]?.push(atom);
    this.#atomsOf = atomsOfCondition;
  }

  /**
   * What may go from one atom to each of them. Of flows between nobody's addresses nothing is said: they are none of the world's. The row is
   * the caller's until the next call.
   */
  allowedFrom(source: number): Row {
    const { algebra } = this;
    const egress = this.row('egress', source);
    this.#ingress ??= Array.from(this.atoms.keys(), (atom) => this.row('ingress', atom));
    const ingress = this.#ingress;
    const allowed = this.#allowed;
    for (let peer = 0; peer < allowed.length; peer++) {
      const entry = ingress[peer];
      if (entry === undefined) allowed[peer] = egress === undefined ? NO_SERVICES : (egress[peer] as number);
      else if (egress === undefined) allowed[peer] = entry[source] as number;
      else allowed[peer] = algebra.intersect(egress[peer] as number, entry[source] as number);
    }
    return allowed;
  }

  /** What the holders of an atom allow, by atom of the peer; `undefined` for nobody's addresses. */
  row(direction: Direction, atom: number): Row | undefined {
    const known = this.#rowOfAtom[direction][atom];
    if (known !== undefined || this.atoms[atom]?.asked.length === 0) return known;
    let row: Row | undefined;
    // While an address has several holders nobody can tell whose a flow is, so each of them has to allow it.
    for (const program of this.programs(direction, atom)) {
      const next = this.#rowOf(program, atom);
      row =
        row === undefined ? next : row.map((services, peer) => this.algebra.intersect(services, next[peer] as number));
    }
    this.#rowOfAtom[direction][atom] = row;
    return row;
  }

  /** What is asked about the flows of an atom's holders, once for holders with the same policies. */
  programs(direction: Direction, atom: number): readonly Program[] {
    const programs = new Map<string, Program>();
    for (const number of this.atoms[atom]?.asked ?? []) {
      const key = this.classes.policyKey(number);
      let program = this.#programs[direction].get(key);
      if (program === undefined) {
        const profiles = this.classes.classes[number]?.profiles ?? [];
        program = this.terms.program(direction, this.classes.tiersOf(number, direction), profiles);
        this.#programs[direction].set(key, program);
      }
      programs.set(key, program);
    }
    return [...programs.values()];
  }

  /** Every case that the programs of one direction meet: what an endpoint's terms match at some of its peers. */
  *situations(direction: Direction): Generator<Situation> {
    const seen = new Set<string>();
    for (const atom of this.atoms.keys())
      for (const program of this.programs(direction, atom)) {
        const own = this.#ownServices(program, atom);
        const key = this.#rowKey(program, own);
        if (seen.has(key)) continue;
        seen.add(key);
        for (const { values, size } of this.#blocks(own).blocks)
          if (size > 0) yield { program, matches: (term) => this.#matches(term, own, values) };
      }
  }

  #rowOf(program: Program, atom: number): Row {
    const own = this.#ownServices(program, atom);
    const key = this.#rowKey(program, own);
    const rows = this.#rows[program.direction];
    const known = rows.get(key);
    if (known !== undefined) return known;
    this.#cells += this.atoms.length;
    if (this.#cells > this.#limit)
      throw new SallyportError(
        'FLOW_SET_LIMIT',
        `the world has ${this.atoms.length} kinds of addresses, too many to pair`,
        {
          kinds: this.atoms.length,
        },
      );
    const { blocks, ofAtom } = this.#blocks(own);
    const allowed = blocks.map(({ values, size }) =>
      size === 0 ? NO_SERVICES : allowedBy(program, this.algebra, (term) => this.#matches(term, own, values)),
    );
    const row = new Uint16Array(ofAtom.length);
    for (let peer = 0; peer < row.length; peer++) row[peer] = allowed[ofAtom[peer] as number] as number;
    rows.set(key, row);
    return row;
  }

  /** Equal for atoms whose holders allow the same to everybody. */
  #rowKey(program: Program, own: ReadonlyMap<Term, ServiceId>): string {
    const number = this.#numbers.get(program) ?? this.#numbers.size;
    this.#numbers.set(program, number);
    return `${number} ${[...own.values()].join(' ')}`;
  }

  /** What each term leaves to its peer condition, given the address of the endpoint itself. */
  #ownServices(program: Program, atom: number): ReadonlyMap<Term, ServiceId> {
    const values = this.atoms[atom]?.values;
    const own = new Map<Term, ServiceId>();
    for (const { terms } of program.tiers)
      for (const term of terms) {
        const here = term.own === undefined ? EVERY_SERVICES : (values?.get(term.own) ?? NO_SERVICES);
        own.set(term, this.algebra.intersect(term.services, here));
      }
    return own;
  }

  #matches(term: Term, own: ReadonlyMap<Term, ServiceId>, values: ReadonlyMap<number, ServiceId>): ServiceId {
    const here = own.get(term) ?? NO_SERVICES;
    return term.peer === undefined ? here : this.algebra.intersect(here, values.get(term.peer) ?? NO_SERVICES);
  }

  /** Atoms grouped by what the peer conditions of the terms leave there. */
  #blocks(own: ReadonlyMap<Term, ServiceId>): { readonly blocks: readonly Block[]; readonly ofAtom: Uint32Array } {
    const ofAtom = new Uint32Array(this.atoms.length);
    const blocks: Block[] = [{ values: new Map(), size: this.atoms.length }];
    const asked = new Set<number>();
    for (const [{ peer }, services] of own) {
      if (peer === undefined || services === NO_SERVICES || asked.has(peer)) continue;
      asked.add(peer);
      const split = new Map<number, number>();
      for (const atom of this.#atomsOf[peer] ?? []) {
        const from = ofAtom[atom] as number;
        const value = this.atoms[atom]?.values.get(peer) ?? NO_SERVICES;
        const key = from * 65_536 + value;
        let into = split.get(key);
        const before = blocks[from] as Block;
        if (into === undefined) {
          into = blocks.push({ values: new Map(before.values).set(peer, value), size: 0 }) - 1;
          split.set(key, into);
        }
        before.size--;
        (blocks[into] as Block).size++;
        ofAtom[atom] = into;
      }
    }
    return { blocks, ofAtom };
  }
}
