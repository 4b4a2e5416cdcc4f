import { readFile } from 'node:fs/promises';
import { unfoldList } from '../../api/list.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { type RecordedName, recordedNames } from '../../machine/dns/recorded-names.ts';
import { type Facts, readFacts } from '../../machine/kinds/facts.ts';
import { type MachineObjects, type RawObject, readMachineObjects } from '../../machine/objects.ts';
import { readManifestText } from '../../sources/manifests/document.ts';
import { type FileState, lookAtFolder, readManifestFile, readTogether } from '../../sources/manifests/folder.ts';

/** What a folder of manifests says to a firewall machine. */
export interface FolderReading {
  /** Absent: a file could not be read, and half of a folder is ignorance. */
  readonly objects: MachineObjects | undefined;
  /** What names came to when somebody wrote it down in an object. */
  readonly recorded: readonly RecordedName[];
  readonly diagnostics: readonly Diagnostic[];
  /** Equal texts mean that nothing changed. */
  readonly signature: string;
}

/** Reads a folder, or one file; `before` is given back where nothing changed since. Never throws for what is in it. */
export async function readMachineFolder(path: string, before?: FolderReading): Promise<FolderReading> {
  if (before?.objects !== undefined) {
    const { files, problems } = await lookAtFolder(path);
    if (problems.length === 0 && before.signature === signatureOf(files)) return before;
  }
  const { value, problems } = await readTogether(path, ({ files }) => readFiles(files));
  if (problems.length === 0) return value;
  const diagnostics = [...problems, ...value.diagnostics];
  return { objects: undefined, recorded: [], diagnostics, signature: value.signature };
}

function signatureOf(files: readonly FileState[]): string {
  return files.map((file) => `${file.path} ${file.signature}`).join('\n');
}

async function readFiles(files: readonly FileState[]): Promise<FolderReading> {
  const signature = signatureOf(files);
  const diagnostics: Diagnostic[] = [];
  const documents: RawObject[] = [];
  for (const file of files) {
    const read = await readManifestFile(file.path);
    if ('problem' in read) {
      diagnostics.push(read.problem);
      continue;
    }
    const { objects, problems: mistakes } = readManifestText(read.text, file.path);
    diagnostics.push(...mistakes);
    for (const { raw, locate, placeOf } of objects)
      for (const { item, path: base } of unfoldList(raw) ?? [{ item: raw, path: [] }])
        documents.push({ raw: item, place: placeOf(base), locate, base });
  }
  if (diagnostics.length > 0) return { objects: undefined, recorded: [], diagnostics, signature };
  const found: Diagnostic[] = [];
  const objects = readMachineObjects(documents, found);
  return { objects, recorded: documents.flatMap(({ raw }) => recordedNames(raw)), diagnostics: found, signature };
}

/** What install.yaml says, or the machine-allocation.yaml of newer images. */
export interface FactsReading {
  /** Absent: it cannot be read, for the reasons told. */
  readonly facts: Facts | undefined;
  readonly diagnostics: readonly Diagnostic[];
  /** Equal texts mean that nothing changed. */
  readonly text: string;
  /** Where the text stands; `undefined`: none could be read. */
  readonly file: string | undefined;
}

/**
 * Reads what the installation says of the machine, from the first of these files that is there; `before` is given back where it says the same.
 * Never throws for what is in it.
 */
export async function readFactsFile(paths: readonly string[], before?: FactsReading): Promise<FactsReading> {
  for (const path of paths) {
    try {
      const text = await readFile(path, 'utf8');
      return before?.file === path && before.text === text ? before : readFactsText(text, path);
    } catch (thrown) {
      const reason = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown);
      if (reason !== 'ENOENT') return unread(path, unreadable(reason));
    }
  }
  return unread(paths[0] ?? '', unreadable('ENOENT'));
}

function unreadable(reason: string): string {
  return `what the installation says of this machine cannot be read (${reason})`;
}

function unread(file: string, message: string, text?: string): FactsReading {
  return {
    facts: undefined,
    diagnostics: [{ severity: 'error', code: 'MACHINE_FACTS', message, path: '', at: { file } }],
    text: text ?? '',
    file: text === undefined ? undefined : file,
  };
}

function readFactsText(text: string, path: string): FactsReading {
  const { objects, problems } = readManifestText(text, path);
  const [only] = objects;
  if (problems.length > 0) return { facts: undefined, diagnostics: problems, text, file: path };
  if (only === undefined || objects.length > 1) return unread(path, 'it has to hold one YAML document', text);
  const diagnostics: Diagnostic[] = [];
  const place = { file: path };
  return {
    facts: readFacts(only.raw, { object: undefined, place, locate: only.locate, base: [] }, diagnostics),
    diagnostics,
    text,
    file: path,
  };
}
