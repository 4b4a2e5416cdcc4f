import { z } from 'zod';

const names = z.record(z.string(), z.string()).default({});
const lockedSchema = z.object({
  version: z.string().default(''),
  integrity: z.string().optional(),
  license: z.string().optional(),
  dependencies: names,
  optionalDependencies: names,
  peerDependencies: names,
  peerDependenciesMeta: z.record(z.string(), z.object({ optional: z.boolean().default(false) })).default({}),
});
const lockSchema = z.object({
  name: z.string(),
  version: z.string(),
  packages: z.record(z.string(), lockedSchema),
});

type Locked = z.infer<typeof lockedSchema>;

/** A file of the release with Node inside. */
export interface ProgramFile {
  /** Within the release. */
  readonly path: string;
  /** In hexadecimal. */
  readonly sha256: string;
  /** The package from which Node is taken, with its digest as a lock file has it. */
  readonly node: { readonly name: string; readonly version: string; readonly integrity: string };
}

/**
 * What a package is made of, by its lock file: everything that its production dependencies need, as CycloneDX 1.5. The same for the same lock file: no
 * time, no number of its own. (`npm sbom --omit dev` leaves out what development needs too, `yaml` among them.) `programs` are listed with the Node that is inside,
 * and need all that the package needs. Throws where the lock file lacks something.
 * @see https://cyclonedx.org/docs/1.5/json/
 */
export function billOfMaterials(lockFile: string, programs: readonly ProgramFile[]): object {
  const lock = lockSchema.parse(JSON.parse(lockFile));
  const root = lock.packages[''];
  if (root === undefined) throw new Error('the lock file has no root');
  const self = reference(lock.name, lock.version);
  const found = new Map<string, readonly string[]>();
  const walk = (path: string, locked: Locked): void => {
    const needs = neededBy(locked).flatMap(([name, isRequired]) => {
      const at = resolved(lock.packages, path, name);
      if (at === undefined && isRequired) throw new Error(`the lock file lacks ${name}, which ${path || self} needs`);
      return at === undefined ? [] : [at];
    });
    found.set(path, needs);
    for (const at of needs) {
      const next = lock.packages[at];
      if (next !== undefined && !found.has(at)) walk(at, next);
    }
  };
  walk('', root);
  const referenceAt = (path: string): string =>
    path === '' ? self : reference(nameOf(path), lock.packages[path]?.version ?? '');
  const components = new Map<string, object>();
  const dependencies = new Map<string, Set<string>>();
  for (const path of [...found.keys()].toSorted()) {
    const id = referenceAt(path);
    const on = dependencies.get(id) ?? new Set();
    for (const need of found.get(path) ?? []) on.add(referenceAt(need));
    dependencies.set(id, on);
    const locked = lock.packages[path];
    if (path !== '' && locked !== undefined) components.set(id, component(id, path, locked));
  }
  for (const { path, sha256, node } of programs) {
    const inside = reference(node.name, node.version);
    components.set(inside, nodeComponent(inside, node));
    dependencies.set(inside, new Set());
    components.set(path, {
      'bom-ref': path,
      type: 'application',
      name: path,
      version: lock.version,
      hashes: [{ alg: 'SHA-256', content: sha256 }],
    });
    dependencies.set(path, new Set([self, inside]));
  }
  const { license } = root;
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      lifecycles: [{ phase: 'pre-build' }],
      component: {
        'bom-ref': self,
        type: 'application',
        name: lock.name,
        version: lock.version,
        purl: self,
        ...licensed(license),
      },
    },
    components: [...components.values()],
    dependencies: [...dependencies].map(([ref, on]) => ({ ref, dependsOn: [...on].toSorted() })),
  };
}

/** What a package needs, and whether it cannot do without. */
function neededBy({
  dependencies,
  optionalDependencies,
  peerDependencies,
  peerDependenciesMeta,
}: Locked): readonly (readonly [string, boolean])[] {
  const optional = Object.keys(optionalDependencies);
  const peers = Object.keys(peerDependencies).filter((name) => peerDependenciesMeta[name]?.optional !== true);
  const required = [...Object.keys(dependencies), ...peers].filter((name) => !optional.includes(name));
  return [...required.map((name) => [name, true] as const), ...optional.map((name) => [name, false] as const)];
}

/** Where a package that stands at a path finds another, as Node looks for it. */
function resolved(packages: Readonly<Record<string, Locked>>, from: string, name: string): string | undefined {
  for (let base = from; ; base = base.slice(0, Math.max(0, base.lastIndexOf('/node_modules/')))) {
    const at = `${base === '' ? '' : `${base}/`}node_modules/${name}`;
    if (packages[at] !== undefined) return at;
    if (base === '') return undefined;
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

/** The package URL. */
function reference(name: string, version: string): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}

function component(id: string, path: string, { version, integrity, license }: Locked): object {
  return {
    'bom-ref': id,
    type: 'library',
    name: nameOf(path),
    version,
    purl: id,
    hashes: [digestOf(integrity, path)],
    ...licensed(license),
  };
}

function nodeComponent(id: string, { name, version, integrity }: ProgramFile['node']): object {
  return {
    'bom-ref': id,
    type: 'platform',
    name,
    version,
    // The package merely brings it: what is known to be wrong with Node is known under this name.
    cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`,
    purl: id,
    hashes: [digestOf(integrity, name)],
  };
}

function digestOf(integrity: string | undefined, of: string): object {
  const [, algorithm, digest] = /^sha(\d+)-(.+)$/.exec(integrity ?? '') ?? [];
  if (algorithm === undefined || digest === undefined) throw new Error(`the lock file has no digest of ${of}`);
  return { alg: `SHA-${algorithm}`, content: Buffer.from(digest, 'base64').toString('hex') };
}

/** As the package says it: an SPDX expression. */
function licensed(license: string | undefined): object {
  return license === undefined ? {} : { licenses: [{ expression: license }] };
}
