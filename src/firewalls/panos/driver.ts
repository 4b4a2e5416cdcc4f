import type { Clock } from '../../base/clock.ts';
import { SallyportError } from '../../base/error.ts';
import { formatAddress, parseAddress } from '../../ip/address.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { absentBehaviour } from '../../plan/ruleset-behaviour.ts';
import type { Actual, Capabilities, DeviceOwner, Driver, ForeignRule, MayGoOn, Translation } from '../driver.ts';
import { MachineLock } from '../machine-lock.ts';
import type { ObservedRuleBase, WantedRuleBase } from '../rulebase/model.ts';
import { Names } from '../rulebase/names.ts';
import { wantedGroups } from '../rulebase/wanted.ts';
import type { PanosApi } from './api.ts';
import { PanosDevice, type DeviceReading } from './device.ts';
import { panosDialect } from './dialect.ts';
import { moves } from './edits.ts';
import { type Style, entriesOf, tagOf, tagPrefix } from './entries.ts';
import { type Capacity, readCapacity, readIdentity, isKnownVersion } from './identity.ts';
import { type PanosOptions, positionOf } from './options.ts';
import { isEmpty, isOurs, ownedIn } from './owned.ts';
import { type Folders, readRuleBase, taggedOf } from './read-entries.ts';
import type { Registered, TagChange } from './registered.ts';
import { NO_STATE } from './registry.ts';
import type { Scope } from './scope.ts';
import { type Ground, type PanosStep, stepsTo, stepsToLeave } from './steps.ts';
import { type XmlElement, membersAt, nameOf, textAt, xmlText, element } from './xml.ts';

export interface PanosActual extends Actual {
  readonly observed: ObservedRuleBase;
  readonly reading: DeviceReading;
  readonly orphans: readonly TagChange[];
}

export interface PanosTranslation extends Translation {
  readonly wanted: WantedRuleBase;
}

export interface PanosCapabilities extends Capabilities {
  readonly capacity: Capacity;
}

export interface PanosDriverOptions {
  readonly api: PanosApi;
  readonly cluster: string;
  readonly firewall: string;
  readonly options: PanosOptions;
  readonly clock: Clock;
  /** Where lock files lie; absent: somebody else sees to it that one process writes. */
  readonly lockDirectory?: string | undefined;
  /** What makes the device one, for the lock of this machine. */
  readonly identity: string;
  close(): Promise<void>;
}

/** A firewall with PAN-OS 10.1 to 11.2, one vsys of it. */
export class PanosDriver implements Driver<PanosActual, PanosTranslation, PanosStep> {
  readonly #options: PanosDriverOptions;
  readonly #device: PanosDevice;
  readonly #lock: MachineLock;
  readonly #ground: Ground;
  #actual: PanosActual | undefined;

  constructor(options: PanosDriverOptions) {
    const { cluster, firewall, clock, lockDirectory, identity } = options;
    const { vsys, from, to, translateTo, log } = options.options;
    this.#options = options;
    const scope: Scope = { kind: 'vsys', vsys };
    const position = positionOf(options.options);
    const dialect = panosDialect('PAN-OS');
    const style: Style = {
      names: new Names(dialect.text, cluster),
      tags: tagPrefix(cluster),
      from,
      to,
      natTo: translateTo,
      logSetting: typeof log === 'object' ? log.setting : undefined,
    };
    this.#ground = { scope, cluster, position, style, dialect };
    this.#device = new PanosDevice(options.api, { scope, cluster, firewall, position, clock });
    this.#lock = new MachineLock(lockDirectory, `panos ${identity} ${vsys}`);
  }

  async capabilities(signal: AbortSignal): Promise<PanosCapabilities> {
    const { api } = this.#options;
    const identity = await readIdentity(api, signal);
    const { model, version, isPanorama } = identity;
    if (isPanorama)
      throw new SallyportError(
        'DEVICE_UNSUPPORTED',
        'this is a Panorama; the driver panos keeps single firewalls and pairs',
      );
    const capacity = await readCapacity(api, signal);
    return {
      device: `${model}, PAN-OS ${version}`,
      families: [4, 6],
      owns: undefined,
      transactionLimit: undefined,
      notes: isKnownVersion(version)
        ? []
        : [`PAN-OS ${version} is not among the releases that are known, 10.1 to 11.2`],
      capacity,
    };
  }

  async observe(signal: AbortSignal): Promise<PanosActual> {
    const reading = await this.#device.read(signal);
    if (this.#actual?.reading === reading) return this.#actual;
    const { cluster, style } = this.#ground;
    const { running, candidate } = reading.configuration;
    const { registered, marker } = reading.registry;
    const observed = this.#withStrays(readRuleBase(running, taggedOf(registered), cluster, style), running);
    const orphans = this.#orphans(registered, observed);
    this.#actual = {
      empty:
        isEmpty(ownedIn(running, cluster)) &&
        isEmpty(ownedIn(candidate, cluster)) &&
        marker === undefined &&
        orphans.length === 0,
      drift: [],
      foreign: this.#foreign(running),
      behaviour: absentBehaviour,
      rival: this.#device.rival(reading),
      observed,
      reading,
      orphans,
    };
    return this.#actual;
  }

  translate(desired: Ruleset): PanosTranslation {
    const { wanted, refusals } = wantedGroups(desired, this.#ground.dialect);
    return { refusals, behaviour: absentBehaviour, wanted };
  }

  steps(actual: PanosActual, { wanted }: PanosTranslation): readonly PanosStep[] {
    return stepsTo(this.#start(actual), wanted, this.#ground);
  }

  leave(actual: PanosActual, owner: DeviceOwner): readonly PanosStep[] {
    const { cluster, firewall } = this.#options;
    if (owner.cluster !== cluster || owner.firewall !== firewall)
      throw new SallyportError(
        'DEVICE_OWNED',
        `what is ours there belongs to the cluster ${cluster}, BorderFirewall ${firewall}`,
      );
    return stepsToLeave(this.#start(actual), this.#ground);
  }

  render(what: PanosStep | PanosTranslation): string {
    if ('does' in what) return what.text;
    const { objects, security, nat } = entriesOf(what.wanted, this.#ground.style);
    const folders = Object.entries(objects).map(([folder, entries]) => element(folder, [...entries.values()]));
    const rules = [element('security', security), element('nat', nat)];
    const tags = [...what.wanted.groups.values()]
      .filter(({ store }) => store === 'Volatile')
      .flatMap((group) =>
        [...group.members].toSorted().map((address) => `${address} ${tagOf(group, this.#ground.style)}\n`),
      );
    return [...folders, ...rules].map((one) => `${xmlText(one)}\n`).join('') + tags.join('');
  }

  async apply(step: PanosStep, signal: AbortSignal, mayGoOn: MayGoOn = () => undefined): Promise<void> {
    await this.#lock.take();
    signal.throwIfAborted();
    if (step.does === 'register') await this.#device.register(step, signal, mayGoOn);
    else if (step.does === 'configure') await this.#device.configure(step, signal, mayGoOn);
    else await this.#device.takeBack(signal, mayGoOn);
  }

  keepers(): Promise<readonly string[] | undefined> {
    return this.#lock.owners();
  }

  /** Gives the lock back. What is on the device stays. */
  async close(): Promise<void> {
    await this.#options.close();
    await this.#lock.release();
  }

  #start({ observed, reading, orphans }: PanosActual): Parameters<typeof stepsTo>[0] {
    const { running, candidate } = reading.configuration;
    return { observed, running, candidate, orphans, state: reading.registry.marker?.state ?? NO_STATE };
  }

  /** Tags of ours whose group is not there. */
  #orphans(registered: Registered, { groups }: ObservedRuleBase): readonly TagChange[] {
    const { style } = this.#ground;
    const known = new Set(
      [...groups.values()].filter(({ store }) => store === 'Volatile').map((group) => tagOf(group, style)),
    );
    const found: TagChange[] = [];
    for (const [address, tags] of registered)
      for (const tag of tags)
        if (tag.startsWith(style.tags) && !known.has(tag)) found.push({ address: canonical(address), tag });
    return found;
  }

  #withStrays(observed: ObservedRuleBase, { security, nat }: Folders): ObservedRuleBase {
    const { cluster, position } = this.#ground;
    const strays = [security, nat].flatMap((list) => {
      const ours = list.filter((entry) => isOurs(entry, cluster)).map(nameOf);
      try {
        return moves(list.map(nameOf), ours, position).map(({ name }) => name);
      } catch {
        // The rule that the position names is gone; what is written says so.
        return [];
      }
    });
    return strays.length === 0 ? observed : { ...observed, strays: new Set(strays) };
  }

  /** Rules of others in the same rulebase, before and after our block. */
  #foreign({ security }: Folders): readonly ForeignRule[] {
    const { cluster, scope } = this.#ground;
    const first = security.findIndex((entry) => isOurs(entry, cluster));
    const where = scope.kind === 'vsys' ? scope.vsys : '';
    return security.flatMap((entry, at): readonly ForeignRule[] =>
      isOurs(entry, cluster) || textAt(entry, 'disabled') === 'yes'
        ? []
        : [{ where, text: foreignText(entry), effect: first === -1 || at > first ? 'after ours' : 'before ours' }],
    );
  }
}

function foreignText(entry: XmlElement): string {
  const list = (name: string): string => membersAt(entry, name).join(', ') || 'any';
  return `${nameOf(entry)}: ${textAt(entry, 'action') ?? '?'} ${list('source')} to ${list('destination')}, ${list('service')}`;
}

function canonical(address: string): string {
  const parsed = parseAddress(address);
  return parsed === undefined ? address : formatAddress(parsed);
}
