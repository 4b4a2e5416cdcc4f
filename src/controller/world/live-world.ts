import { BucketMap } from '../../base/bucket-map.ts';
import { type ResourceKey, resourceKey, type UnreadFirewall } from '../../api/resource.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { type Pieces, atOnce, each } from '../../base/pieces.ts';
import { Border } from '../../border/border.ts';
import type { FirewallView } from '../../border/firewall-view.ts';
import type { Finding } from '../../border/finding.ts';
import { Engine } from '../../engine/engine.ts';
import { Inventory } from '../../inventory/inventory.ts';
import type { EndpointId } from '../../inventory/model.ts';
import type { Delivery, ResourceChange, SourceState } from '../../sources/source.ts';
import { OwnerTable } from './owners.ts';
import { mayDrop } from './unread.ts';
import type { Replaced } from './without-released.ts';

const NONE: ReadonlySet<ResourceKey> = new Set();
const NOBODY: ReadonlySet<string> = new Set();
const POD = 'Pod/';

/**
 * Resources in, rulesets out: inventory, engine and border in a row, fed by one source. What the members of this class themselves show is
 * always one whole version, also while the next one is computed in pieces; inventory, engine and border are to be asked between two versions.
 */
export class LiveWorld {
  readonly inventory = new Inventory();
  readonly engine = new Engine(this.inventory);
  readonly border: Border;
  readonly #ownerTable = new OwnerTable(this.engine);
  #owners: BucketMap<string> = BucketMap.empty();
  #state: SourceState = { kind: 'loading', reason: 'nothing was delivered yet' };
  #sourceDiagnostics: readonly Diagnostic[] = [];
  #broken: ReadonlySet<ResourceKey> = NONE;
  #unread: ReadonlyMap<string, UnreadFirewall> = new Map();
  /** Those of which a record is there. */
  #recorded: ReadonlySet<string> = NOBODY;
  readonly #isRecorded: (firewall: string) => boolean;
  #frozen: ReadonlySet<string> = NOBODY;
  #replaced: Replaced = new Map();

  /**
   * `cluster`: the owner of what is created on devices. `isRecorded`: whether there is a record of what was confirmed on a firewall; it is asked
   * where no status is there to tell, once of each that cannot be read.
   */
  constructor(cluster: string, isRecorded: (firewall: string) => boolean = () => false) {
    this.#isRecorded = isRecorded;
    this.border = new Border(this.engine, cluster);
  }

  /** How much the source's word is worth now; nothing new is planned for a firewall that `isFrozen`. */
  get state(): SourceState {
    return this.#state;
  }

  /** Whether something that feeds the firewall is lost: what was wished for it last stays. */
  isFrozen(firewall: string): boolean {
    const state = this.#state;
    return state.kind === 'frozen' && (state.kinds === undefined || this.#frozen.has(firewall));
  }

  /** Whether everything is known that feeds all firewalls: which there are, and who leaves through which. */
  get knowsWays(): boolean {
    const state = this.#state;
    return state.kind === 'complete' || (state.kind === 'frozen' && state.kinds !== undefined);
  }

  /** Pods that the last delivery removed, or put another one with the same name in the place of, by the addresses they had. */
  get replaced(): Replaced {
    return this.#replaced;
  }

  /** By name of the BorderFirewall. */
  get firewalls(): ReadonlyMap<string, FirewallView> {
    return this.border.firewalls();
  }

  /** Takes a delivery, and computes what follows from it. */
  apply(delivery: Delivery): void {
    atOnce(this.applying(delivery));
  }

  /**
   * The same in pieces. Gives whether the world is another one now: statuses that we write come back as changes of their objects, and what
   * only differs in parts that nobody reads is no difference.
   */
  *applying({ changes, state, diagnostics, broken = NONE, unread = [] }: Delivery): Pieces<boolean> {
    let differs = !sameState(this.#state, state) || !sameSet(this.#broken, broken);
    const replaced = new Map<string, Set<EndpointId>>();
    yield* each(changes, (change) => {
      if (state.kind === 'frozen') this.#noteReplaced(change, replaced);
      this.inventory.apply(change);
    });
    if (state.kind !== 'loading') {
      const differences = yield* this.engine.flushing();
      const owners = yield* this.#ownerTable.update(differences);
      yield* this.border.updating(differences);
      const { inventory, touchedEndpoints } = differences;
      differs ||= owners !== this.#owners || inventory.other.size > 0 || touchedEndpoints.size > 0;
      this.#owners = owners;
    }
    this.#state = state;
    this.#replaced = replaced;
    this.#frozen = state.kind === 'frozen' && state.kinds !== undefined ? this.border.fedBy(state.kinds) : NOBODY;
    this.#sourceDiagnostics = diagnostics;
    this.#broken = broken;
    const before = this.#unread;
    this.#recorded = new Set(
      unread.flatMap(({ name }) =>
        (before.has(name) ? this.#recorded.has(name) : this.#isRecorded(name)) ? [name] : [],
      ),
    );
    this.#unread = new Map(unread.map((firewall) => [firewall.name, firewall]));
    this.#ownerTable.settled();
    return differs || replaced.size > 0 || state.kind === 'loading';
  }

  #noteReplaced(change: ResourceChange, replaced: Map<string, Set<EndpointId>>): void {
    const key = change.kind === 'put' ? resourceKey(change.resource) : change.key;
    if (!key.startsWith(POD)) return;
    const id: EndpointId = `pod:${key.slice(POD.length)}`;
    if (change.kind === 'put' && this.inventory.uidOf(id) === change.resource.uid) return;
    for (const address of this.#ownerTable.addressesOf(id)) {
      const pods = replaced.get(address);
      if (pods === undefined) replaced.set(address, new Set([id]));
      else pods.add(id);
    }
  }

  /** Whether an object that was read before cannot be read at present: it counts as it was, and nothing is planned from it. */
  isBroken(object: ResourceKey): boolean {
    return this.#broken.has(object);
  }

  /** BorderFirewalls that are there and cannot be read at present, by name; those of `firewalls` among them stay as they were. */
  get unread(): ReadonlyMap<string, UnreadFirewall> {
    return this.#unread;
  }

  /** Those of which no earlier form is known either, and that may drop what an endpoint sends. */
  unreadBefore(endpoint: EndpointId): readonly UnreadFirewall[] {
    if (this.#unread.size === 0) return [];
    const found = this.engine.endpoints.get(endpoint);
    const labels = found === undefined ? new Map<string, string>() : this.engine.labelsOf(found);
    return [...this.#unread.values()].filter(
      (one) => !this.firewalls.has(one.name) && mayDrop(one, labels, this.#recorded.has(one.name)),
    );
  }

  /** Who has each address (canonical text), as text for comparing. */
  get owners(): BucketMap<string> {
    return this.#owners;
  }

  /** The addresses (canonical text) that an endpoint owns, alone or with others. */
  addressesOf(endpoint: EndpointId): readonly string[] {
    return this.#ownerTable.addressesOf(endpoint);
  }

  /** Everything that is wrong with what was read, as it stands now. */
  diagnostics(): readonly Diagnostic[] {
    return [...this.#sourceDiagnostics, ...this.inventory.diagnostics()];
  }

  /** Everything that keeps firewalls from holding all that was asked for. */
  findings(): readonly Finding[] {
    return [...this.border.findings(), ...[...this.firewalls.values()].flatMap((view) => view.findings)];
  }
}

function sameState(a: SourceState, b: SourceState): boolean {
  const reason = (state: SourceState): string => ('reason' in state ? state.reason : '');
  const since = (state: SourceState): number => ('sinceMs' in state ? state.sinceMs : 0);
  const kinds = (state: SourceState): ReadonlySet<string> | undefined => ('kinds' in state ? state.kinds : undefined);
  const [lostBefore, lost] = [kinds(a), kinds(b)];
  const sameKinds = lostBefore === undefined || lost === undefined ? lostBefore === lost : sameSet(lostBefore, lost);
  return a.kind === b.kind && reason(a) === reason(b) && since(a) === since(b) && sameKinds;
}

function sameSet<T>(a: ReadonlySet<T>, b: ReadonlySet<T>): boolean {
  if (a.size !== b.size) return false;
  for (const item of a) if (!b.has(item)) return false;
  return true;
}
