import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Document, parse as parseYaml, stringify } from 'yaml';
import { MemoryDevices } from './device.ts';
import { comparable, deviceText } from './device-text.ts';
import type { Mishap } from './folder.ts';
import { Nonsense } from './nonsense.ts';
import type { Stage } from './stage.ts';

/** What a story has in hand while it runs. */
export interface Story {
  readonly stage: Stage;
  readonly files: ReadonlyMap<string, string>;
  /** The folder of files that stories share. */
  readonly shared: string;
  /** What was noted, by what it is about: digests of plans that somebody read, texts of devices. */
  readonly notes: Map<string, string>;
}

type Action = (story: Story, words: readonly string[]) => void | Promise<void>;

const UNITS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

/** `10s` and the like. */
function milliseconds(time: string): number {
  const [, count, unit = ''] = /^(\d+)([a-z]+)$/.exec(time) ?? [];
  const factor = UNITS.get(unit);
  if (factor === undefined) throw new Nonsense(`${time} is no length of time`);
  return Number(count) * factor;
}

/** The text of a file of the story. */
export function fileOf({ files }: Story, name: string | undefined): string {
  const text = files.get(name ?? '');
  if (text === undefined) throw new Nonsense(`the story has no file ${name}`);
  return text;
}

/** `shop/web-1`, or many at once: `shop/web-[1-3]`. */
function namesOf(pattern: string): readonly string[] {
  const [, before, first, last, after] = /^(.*)\[(\d+)-(\d+)\](.*)$/.exec(pattern) ?? [];
  if (before === undefined) return [pattern];
  const count = Number(last) - Number(first) + 1;
  return Array.from({ length: count }, (_, at) => `${before}${Number(first) + at}${after}`);
}

/** Many pods have addresses that count up from the given ones. */
function pods(story: Story, [pattern = '', address = '-', ...rest]: readonly string[]): void {
  for (const [at, name] of namesOf(pattern).entries()) {
    const addresses = address === '-' ? [] : address.split(',').map((one) => countedUp(one, at));
    pod(story, name, addresses, rest);
  }
}

function countedUp(address: string, by: number): string {
  return address.replace(/[0-9a-f]+$/, (last) =>
    address.includes(':') ? (Number.parseInt(last, 16) + by).toString(16) : String(Number(last) + by),
  );
}

function pairOf(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** Words: labels as `key=value`, `on NODE`, `hostNetwork`, `finished`. */
function pod({ stage }: Story, key: string, addresses: readonly string[], words: readonly string[]): void {
  const [namespace = '', name = ''] = key.split('/');
  const labels = Object.fromEntries(words.filter((word) => word.includes('=')).map(pairOf));
  const on = words.indexOf('on');
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels },
    spec: {
      nodeName: on === -1 ? 'node-1' : words[on + 1],
      ...(words.includes('hostNetwork') ? { hostNetwork: true } : {}),
    },
    status: {
      phase: words.includes('finished') ? 'Succeeded' : 'Running',
      podIPs: addresses.map((ip) => ({ ip })),
    },
  };
  stage.folder.write(`pod.${namespace}.${name}.yaml`, stringify(object));
}

function relabel(object: Document, labels: readonly string[]): void {
  for (const label of labels) {
    const [key, value] = pairOf(label);
    if (label.includes('=')) object.setIn(['metadata', 'labels', key], value);
    else object.deleteIn(['metadata', 'labels', key.replace(/-$/, '')]);
  }
}

function inPlace({ stage }: Story, key: string, change: (object: Document) => void): void {
  stage.folder.edit(key, (object) => {
    change(object);
    return object;
  });
}

/** The devices of a story that needs them to be in memory. */
export function memoryDevices({ devices }: Stage): MemoryDevices {
  if (!(devices instanceof MemoryDevices)) throw new Nonsense('only a firewall in memory can do that');
  return devices;
}

function digestOf({ stage }: Story, firewall: string): string {
  const { waiting } = stage.status(firewall);
  if (waiting === undefined) throw new Nonsense(`no plan waits for ${firewall}`);
  return waiting.plan().digest;
}

/** What can happen in a story. Things that happen together are seen together: nothing is seen before `settle` or `advance`. */
export const actions: ReadonlyMap<string, Action> = new Map<string, Action>([
  [
    'use', // FILE…: files that stories share
    ({ stage, shared }, names) => {
      for (const name of names) stage.folder.write(name, readFileSync(join(shared, name), 'utf8'));
    },
  ],
  [
    'apply', // FILE…
    (story, names) => {
      for (const name of names) story.stage.folder.write(name, fileOf(story, name));
    },
  ],
  [
    'delete', // KIND/NAMESPACE/NAME…
    ({ stage }, keys) => {
      for (const key of keys.flatMap(namesOf)) stage.folder.edit(key, () => undefined);
    },
  ],
  ['pod', pods], // NAMESPACE/NAME ADDRESS[,ADDRESS]|- [KEY=VALUE]… [on NODE] [hostNetwork] [finished]
  [
    'label', // KIND NAMESPACE/NAME KEY=VALUE|KEY-…
    (story, [kind = '', name = '', ...labels]) => {
      for (const each of namesOf(name)) inPlace(story, `${kind}/${each}`, (object) => relabel(object, labels));
    },
  ],
  [
    'annotate', // KIND NAMESPACE/NAME KEY=VALUE
    (story, [kind = '', name = '', annotation = '']) => {
      const [key, value] = pairOf(annotation);
      inPlace(story, `${kind}/${name}`, (object) => object.setIn(['metadata', 'annotations', key], value));
    },
  ],
  [
    'set', // KIND/NAME PATH=VALUE, with VALUE in YAML
    (story, [key = '', assignment = '']) => {
      const [path, text] = pairOf(assignment);
      const steps = path.split('.').map((step) => (/^\d+$/.test(step) ? Number(step) : step));
      const value: unknown = parseYaml(text);
      inPlace(story, key, (object) => object.setIn(steps, object.createNode(value)));
    },
  ],
  ['settle', ({ stage }) => stage.settle()],
  [
    'advance', // 10s
    ({ stage }, [time = '']) => stage.advance(milliseconds(time)),
  ],
  [
    'source', // breaks|vanishes|empties|returns
    ({ stage }, [what]) => {
      const mishaps: readonly Mishap[] = ['breaks', 'vanishes', 'empties'];
      const mishap = mishaps.find((one) => one === what);
      if (mishap !== undefined) stage.folder.suffer(mishap);
      else if (what === 'returns') stage.folder.recover();
      else throw new Nonsense(`a source does not ${what}`);
    },
  ],
  [
    'read', // plan FIREWALL: somebody looks at the plan that waits
    (story, [, firewall = '']) => {
      story.notes.set(`plan ${firewall}`, digestOf(story, firewall));
    },
  ],
  [
    'approve', // FIREWALL [61m ago]: a yes to the plan that was read; found within a second
    ({ stage, notes }, [firewall = '', ago = '0s']) => {
      const digest = notes.get(`plan ${firewall}`);
      if (digest === undefined) throw new Nonsense(`nobody read a plan of ${firewall}`);
      return stage.approvals.put({ firewall, digest, madeAt: stage.now - milliseconds(ago), by: 'somebody' });
    },
  ],
  [
    'note', // device FIREWALL: for `expect device FIREWALL unchanged`
    async ({ stage, notes }, [, firewall = '']) => {
      notes.set(`device ${firewall}`, comparable(await deviceText(stage, firewall)));
    },
  ],
  [
    'tamper', // FIREWALL forgets ADDRESS | admits ADDRESS like ADDRESS | strips ADDRESS: of the rules of its class
    ({ stage }, [firewall = '', verb, address = '', , other = '']) => {
      const { address: where } = stage.firewall(firewall);
      const device = memoryDevices(stage).at(where);
      const classOf = (sender: string): string => {
        const found = memoryDevices(stage).program(where).tables.get('members')?.get(sender);
        if (found === undefined) throw new Nonsense(`${firewall} does not know ${sender}`);
        return found;
      };
      if (verb === 'forgets') device.editRow('members', address, undefined, 'alice');
      else if (verb === 'admits') device.editRow('members', address, classOf(other), 'alice');
      else if (verb === 'strips') device.edit(`class ${classOf(address)}`, undefined, 'alice');
      else throw new Nonsense(`nobody ${verb}`);
    },
  ],
  [
    'silence', // FIREWALL N: its next N requests are not answered
    ({ stage }, [firewall = '', requests]) => {
      memoryDevices(stage).silence(stage.firewall(firewall).address, Number(requests));
    },
  ],
  [
    'kill', // controller before|after write N: the process dies, and `settle` starts another
    ({ stage }, [, point, , write = '1']) => {
      if (point !== 'before' && point !== 'after') throw new Nonsense('a controller is killed before or after a write');
      memoryDevices(stage).killAt(point, Number(write));
    },
  ],
  ['spare', ({ stage }) => memoryDevices(stage).spare()], // controller: takes a `kill` back that has not happened yet
  ['stop', ({ stage }) => stage.stop()], // controller: in good order; `settle` starts another
  [
    'restart', // controller
    async ({ stage }) => {
      await stage.stop();
      await stage.settle();
    },
  ],
]);
