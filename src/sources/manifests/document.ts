import { isAlias, isCollection, isNode, LineCounter, parseAllDocuments, visit } from 'yaml';
import type { Code } from '../../base/catalogue.ts';
import type { Diagnostic, Place } from '../../base/diagnostic.ts';

/** One object of a manifest text, and the way from a field of it back to its place in the text. */
export interface ManifestObject {
  readonly raw: unknown;
  /** The place of a field; of the nearest parent that is there, when the field itself is not. */
  readonly locate: (path: readonly (string | number)[]) => Place;
  /** The same for every object that is read, sound or not, so never dear: JSON gives the file alone. */
  readonly placeOf: (path: readonly (string | number)[]) => Place;
}

export interface ManifestText {
  readonly objects: readonly ManifestObject[];
  /** Not empty: the text as a whole cannot be used, and `objects`, those of its sound documents, are there to find their mistakes at once. */
  readonly problems: readonly Diagnostic[];
}

/** Bytes of one file; far above any real one, and small enough that a mistake cannot fill the memory. */
export const MANIFEST_LIMIT = 256 * 1024 * 1024;
/** Characters of YAML: it takes some ninety times its size while it is read, JSON little more than its own. */
const YAML_LIMIT = 32 * 1024 * 1024;
const ALIAS_LIMIT = 1_000;

/** Reads a text of YAML documents or of one JSON value. Nothing of a text that has a mistake anywhere may be used: half a file is ignorance. */
export function readManifestText(text: string, file: string): ManifestText {
  return looksLikeJson(text) ? (readJson(text, file) ?? readYaml(text, file)) : readYaml(text, file);
}

function looksLikeJson(text: string): boolean {
  return /^\s*[{[]/.test(text);
}

/** The fast way for large JSON lists; positions are found by reading the text once more as YAML, only when somebody asks. */
function readJson(text: string, file: string): ManifestText | undefined {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return undefined; // flow-style YAML, or a mistake whose place the YAML reader tells better
  }
  let located: ManifestText | undefined;
  const locate = (path: readonly (string | number)[]): Place => {
    located ??= readYaml(text, file);
    return located.objects[0]?.locate(path) ?? { file };
  };
  return { objects: [{ raw, locate, placeOf: () => ({ file }) }], problems: [] };
}

function readYaml(text: string, file: string): ManifestText {
  const lines = new LineCounter();
  const objects: ManifestObject[] = [];
  const problems: Diagnostic[] = [];
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  const refuse = (message: string, offset: number, code: Code = 'MANIFEST_SYNTAX'): void => {
    const at = placeAt(offset);
    // Of one slip the parser may say the same twice.
    if (
      problems.some(
        (other) => other.message === message && other.at?.line === at.line && other.at?.column === at.column,
      )
    )
      return;
    problems.push({ severity: 'error', code, message, path: '', at });
  };

  if (text.length > YAML_LIMIT) {
    const message = `the file has ${text.length} characters of YAML; at most ${YAML_LIMIT} are read. Split it, or write it as JSON (kubectl get -o json)`;
    return {
      objects: [],
      problems: [{ severity: 'error', code: 'MANIFEST_TOO_LARGE', message, path: '', at: { file } }],
    };
  }
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    uniqueKeys: true,
    version: '1.2',
    prettyErrors: false,
  });
  for (const document of Array.isArray(documents) ? documents : []) {
    const deep = document.errors.find(isTooDeep);
    if (deep !== undefined)
      refuse('lists and maps stand too deep in each other here', deep.pos[0], 'MANIFEST_TOO_LARGE');
    for (const error of document.errors) if (!isTooDeep(error)) refuse(firstLine(error.message), error.pos[0]);
    if (document.errors.length > 0 || document.contents === null) continue;
    const before = problems.length;
    const anchors = new Set<string>();
    let aliases = 0;
    visit(document, {
      Value: (_, node) => void (node.anchor !== undefined && anchors.add(node.anchor)),
      Pair(_, pair) {
        // A key that is no text would silently become one.
        if (isCollection(pair.key)) refuse('a key must be a plain text', pair.key.range?.[0] ?? 0);
      },
      Alias(_, alias, path) {
        const offset = alias.range?.[0] ?? 0;
        if (!anchors.has(alias.source)) refuse(`nothing before it is named &${alias.source}`, offset);
        if (path.some((node) => isNode(node) && !isAlias(node) && node.anchor === alias.source))
          refuse(`&${alias.source} cannot hold itself`, offset);
        aliases += 1;
        if (aliases <= ALIAS_LIMIT) return undefined;
        refuse(`there are more than ${ALIAS_LIMIT} aliases`, offset, 'MANIFEST_TOO_LARGE');
        return visit.BREAK;
      },
    });
    if (problems.length > before) continue;
    let raw: unknown;
    try {
      raw = document.toJS({ maxAliasCount: ALIAS_LIMIT });
    } catch (thrown) {
      const message = thrown instanceof Error ? firstLine(thrown.message) : 'it cannot be expanded';
      problems.push({ severity: 'error', code: 'MANIFEST_TOO_LARGE', message, path: '', at: { file } });
      continue;
    }
    if (raw === null || raw === undefined) continue; // between two separators stands nothing, or only comments
    const start = document.contents.range?.[0] ?? 0;
    const locate = (path: readonly (string | number)[]): Place => {
      for (let length = path.length; length > 0; length--) {
        const node: unknown = document.getIn(path.slice(0, length), true);
        if (isNode(node) && node.range) return placeAt(node.range[0]);
      }
      return placeAt(start);
    };
    objects.push({ raw, locate, placeOf: locate });
  }
  return { objects, problems };
}

/** The reader goes one call deeper for each level, and notes a failure of its own for each one that is left. */
function isTooDeep({ message }: { readonly message: string }): boolean {
  return message.startsWith('Maximum call stack size exceeded');
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}
