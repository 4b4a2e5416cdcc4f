import { spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync, type KeyObject, verify as verifyBytes } from 'node:crypto';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { helm } from '../../scripts/helm.ts';
import { NODE_PACKAGES, NODE_VERSION } from '../../scripts/node-programs.ts';
import { CHECKSUMS, SIGNATURE_NAMESPACE, filesOf, release } from '../../scripts/release.ts';

const root = join(import.meta.dirname, '../..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
let place: string;
let folder: string;
let updates: KeyObject;
const said: string[] = [];

/** Where the program as one file lies. */
const program = (architecture: string): string => `${architecture}/firewall-controller/${version}/firewall-controller`;

interface Bill {
  readonly bomFormat: string;
  readonly metadata: { readonly component: { readonly name: string; readonly version: string; readonly purl: string } };
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
  readonly components: readonly {
    readonly 'bom-ref': string;
    readonly type: string;
    readonly name: string;
    readonly version: string;
    readonly hashes: readonly { readonly alg: string; readonly content: string }[];
  }[];
}

function billOf(): Bill {
  return JSON.parse(readFileSync(join(folder, `sallyport-${version}.cdx.json`), 'utf8')) as Bill;
}

/** Exit status and what was said. */
function run(program: string, words: readonly string[], input = '', cwd = folder): readonly [number | null, string] {
  const { status, stdout, stderr, error } = spawnSync(program, words, { cwd, input, encoding: 'utf8' });
  if (error !== undefined) throw error;
  return [status, stdout + stderr];
}

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'sallyport-release-test-'));
  folder = join(place, 'out');
  const key = join(place, 'key');
  expect(run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', key], '', place)[0]).toBe(0);
  writeFileSync(join(place, 'signers'), `release@example.com ${readFileSync(`${key}.pub`, 'utf8')}`);
  const updateKey = join(place, 'updates.pem');
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  writeFileSync(updateKey, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  updates = publicKey;
  await release({ folder, key, updateKey, say: (line) => said.push(line) });
}, 240_000);
afterAll(() => rmSync(place, { recursive: true, force: true }));

function verify(sums: string, namespace = SIGNATURE_NAMESPACE): number | null {
  const words = ['-f', '../signers', '-I', 'release@example.com', '-n', namespace, '-s', `${CHECKSUMS}.sig`];
  return run('ssh-keygen', ['-Y', 'verify', ...words], sums)[0];
}

test('everything is there, and the checksums are of all of it', () => {
  const files = filesOf(folder);
  expect(files).toEqual(
    [
      CHECKSUMS,
      `${CHECKSUMS}.sig`,
      `sallyport-${version}.cdx.json`,
      `sallyport-chart-${version}.tgz`,
      `sallyport-crds-${version}.yaml`,
      `sallyport-manifests-${version}.yaml`,
      `sallyport-npm-${version}.tgz`,
      ...['amd64', 'arm64'].flatMap((each) => ['', '.sha256', '.sig'].map((end) => `${program(each)}${end}`)),
    ].toSorted(),
  );
  for (const file of files) expect(said).toContain(`made ${join(folder, file)}`);
  const [status, text] = run('sha256sum', ['--check', '--strict', CHECKSUMS]);
  expect(status, text).toBe(0);
  expect(text.trim().split('\n')).toHaveLength(files.length - 2);
});

test('the signature holds for these checksums, this purpose and this signer alone', () => {
  const sums = readFileSync(join(folder, CHECKSUMS), 'utf8');
  expect(verify(sums)).toBe(0);
  expect(verify(sums.replace(/^./, (digit) => (digit === '0' ? '1' : '0')))).not.toBe(0);
  expect(verify(sums, 'git')).not.toBe(0);
  const other = join(place, 'other');
  run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', other], '', place);
  const signers = readFileSync(join(place, 'signers'), 'utf8');
  writeFileSync(join(place, 'signers'), `release@example.com ${readFileSync(`${other}.pub`, 'utf8')}`);
  expect(verify(sums)).not.toBe(0);
  writeFileSync(join(place, 'signers'), signers);
});

test('a byte that changes is found', () => {
  const file = join(folder, `sallyport-crds-${version}.yaml`);
  const before = readFileSync(file);
  appendFileSync(file, '\n');
  expect(run('sha256sum', ['--check', '--strict', CHECKSUMS])[0]).not.toBe(0);
  writeFileSync(file, before);
});

test('the program is there as one file for each architecture, as a machine takes it', () => {
  for (const [architecture, machine] of [
    ['amd64', 0x3e],
    ['arm64', 0xb7],
  ] as const) {
    const file = join(folder, program(architecture));
    const bytes = readFileSync(file);
    expect(bytes.readUInt16LE(18)).toBe(machine);
    expect(statSync(file).mode & 0o777).toBe(0o755);
    const [status, text] = run('sha256sum', ['--check', '--strict', 'firewall-controller.sha256'], '', dirname(file));
    expect(status, text).toBe(0);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const [signed, signature = ''] = readFileSync(`${file}.sig`, 'utf8').trim().split(' ');
    const offered = Buffer.from(`sallyport-update firewall-controller ${version} sha256:${sha256}\n`);
    expect(signed).toBe(version);
    expect(verifyBytes(null, offered, updates, Buffer.from(signature, 'base64'))).toBe(true);
  }
  expect(run(join(folder, program('amd64')), ['--version'])).toEqual([0, `${version}\n`]);
});

test('the bill of materials lists these files, and the Node inside of them', () => {
  const { components, dependencies, metadata } = billOf();
  for (const architecture of ['amd64', 'arm64'] as const) {
    const listed = components.find((one) => one.name === program(architecture));
    const content = createHash('sha256')
      .update(readFileSync(join(folder, program(architecture))))
      .digest('hex');
    expect(listed).toMatchObject({ type: 'application', version, hashes: [{ alg: 'SHA-256', content }] });
    const { name, integrity } = NODE_PACKAGES[architecture];
    const inside = components.find((one) => one.name === name);
    expect(inside).toMatchObject({
      type: 'platform',
      version: NODE_VERSION,
      cpe: `cpe:2.3:a:nodejs:node.js:${NODE_VERSION}:*:*:*:*:*:*:*`,
    });
    expect(`sha512-${Buffer.from(inside?.hashes[0]?.content ?? '', 'hex').toString('base64')}`).toBe(integrity);
    const needs = dependencies.find(({ ref }) => ref === listed?.['bom-ref'])?.dependsOn;
    expect(needs).toEqual([inside?.['bom-ref'], metadata.component.purl]);
  }
});

test('the bill of materials lists the production dependencies of the lock file, and no other library', () => {
  const bill = billOf();
  expect(bill.bomFormat).toBe('CycloneDX');
  expect(bill.metadata.component).toMatchObject({ name: 'sallyport', version });
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<
      string,
      { version: string; integrity?: string; dependencies?: object; dev?: boolean; devOptional?: boolean }
    >;
  };
  const inLock = Object.entries(packages)
    .filter(([path, { dev, devOptional }]) => path !== '' && dev !== true && devOptional !== true)
    .map(
      ([path, one]) => `${path.slice(path.lastIndexOf('node_modules/') + 13)}@${one.version} ${one.integrity ?? ''}`,
    );
  for (const needed of Object.keys(packages['']?.dependencies ?? {}))
    expect(bill.components.map((one) => one.name)).toContain(needed);
  const inBill = bill.components.flatMap((one) => {
    if (one.type !== 'library') return [];
    const [hash] = one.hashes;
    expect(hash?.alg).toBe('SHA-512');
    return `${one.name}@${one.version} sha512-${Buffer.from(hash?.content ?? '', 'hex').toString('base64')}`;
  });
  expect(inLock.length).toBeGreaterThan(10);
  expect(inBill.toSorted()).toEqual([...new Set(inLock)].toSorted());
  const ids = new Set([bill.metadata.component.purl, ...bill.components.map((one) => one['bom-ref'])]);
  expect(bill.dependencies.map(({ ref }) => ref).toSorted()).toEqual([...ids].toSorted());
  for (const { dependsOn } of bill.dependencies) for (const id of dependsOn) expect(ids).toContain(id);
  // Two releases from one lock file can be compared.
  expect(JSON.stringify(bill)).not.toMatch(/timestamp|serialNumber/);
});

test('the package holds the command, which runs, and no sources or tests', () => {
  const unpacked = join(place, 'package');
  mkdirSync(unpacked);
  run('tar', ['-xzf', `sallyport-npm-${version}.tgz`, '-C', unpacked]);
  const [status, text] = run(process.execPath, [join(unpacked, 'package/dist/sallyport.js'), 'version']);
  expect(status, text).toBe(0);
  expect(text).toContain(version);
  const held = readdirSync(join(unpacked, 'package')).toSorted();
  expect(held).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'package.json']);
  const types = readFileSync(join(unpacked, 'package/dist/library/types/ip/index.d.ts'), 'utf8');
  expect(types).toContain('export');
});

test('the chart and the definitions are those of this tree', () => {
  const chart = join(folder, `sallyport-chart-${version}.tgz`);
  const words = ['--namespace', 'sallyport', '--kube-version', '1.33.0'];
  expect(helm(['template', 'sallyport', chart, ...words])).toBe(
    helm(['template', 'sallyport', join(root, 'deploy/chart'), ...words]),
  );
  const kinds = parseAllDocuments(readFileSync(join(folder, `sallyport-crds-${version}.yaml`), 'utf8')).map((one) =>
    one.getIn(['spec', 'names', 'kind']),
  );
  expect(kinds).toHaveLength(readdirSync(join(root, 'deploy/crds')).length);
  expect(kinds).toContain('BorderFirewall');
});

test('says that the image is not among them, and writes into no folder that holds something', async () => {
  expect(said.join('\n')).toContain('The image is not among them');
  await expect(release({ folder, say: () => undefined })).rejects.toThrow('is not empty');
});
