import process from 'node:process';
import { stringify } from 'yaml';
import { visible, visibleLine } from '../base/visible.ts';
import { columns } from '../base/columns.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import type { DocumentData, DocumentKind } from './output-schemas.ts';

export type Format = 'table' | 'json' | 'yaml';

/** Where a command writes; tests give their own. */
export interface Terminal {
  /** Results. */
  out(text: string): void;
  /** Everything else: which world was read, diagnostics, progress. */
  err(text: string): void;
}

/** Whatever manifests, file names or devices say, nothing of it reaches the terminal that would act there. */
export const processTerminal: Terminal = {
  out: (text) => void process.stdout.write(`${visible(text)}\n`),
  err: (text) => void process.stderr.write(`${visible(text)}\n`),
};

/** Prints a result: as the command's own table, or as data of a published shape (docs/reference/cli-output.md). */
export function printResult<Kind extends string>(
  terminal: Terminal,
  format: Format,
  kind: Kind,
  data: Kind extends DocumentKind ? DocumentData<Kind> : object,
  text: () => string,
): void {
  const document = { apiVersion: 'cli.sallyport.dev/v1alpha1', kind, ...data };
  if (format === 'json') terminal.out(JSON.stringify(document, null, 2));
  // What stands in two places is written twice: not every reader of YAML knows anchors, and JSON has none.
  else if (format === 'yaml') terminal.out(stringify(document, { aliasDuplicateObjects: false }).trimEnd());
  else {
    const printed = text();
    if (printed !== '') terminal.out(printed);
  }
}

/** A table as text. */
export function table(rows: readonly (readonly string[])[]): string {
  return columns(rows).join('\n');
}

/** `error MANIFEST_SYNTAX shop/60-border.yaml:12:3 BorderFirewall/edge-1 spec.mode: …` */
export function diagnosticLine(diagnostic: Diagnostic): string {
  return `${diagnosticTitle(diagnostic)}: ${visibleLine(diagnostic.message)}`;
}

/** The same without the message: what sort, where, about what. */
export function diagnosticTitle(diagnostic: Diagnostic): string {
  const { at } = diagnostic;
  const place =
    at?.file === undefined
      ? ''
      : ` ${visibleLine(at.file)}${at.line === undefined ? '' : `:${at.line}:${at.column ?? 1}`}`;
  const object = diagnostic.object === undefined ? '' : ` ${diagnostic.object}`;
  const path = diagnostic.path === '' ? '' : ` ${diagnostic.path}`;
  return `${diagnostic.severity} ${diagnostic.code}${place}${object}${path}`;
}

/** In the order of the text they are about; equal ones once. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const place = (d: Diagnostic): string =>
    [
      d.at?.file ?? '',
      String(d.at?.line ?? 0).padStart(9, '0'),
      String(d.at?.column ?? 0).padStart(6, '0'),
      d.object ?? '',
      d.path,
      d.code,
      d.message,
    ].join('\u0000');
  const byPlace = new Map(diagnostics.map((diagnostic) => [place(diagnostic), diagnostic]));
  return [...byPlace].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, diagnostic]) => diagnostic);
}

export function printDiagnostics(terminal: Terminal, diagnostics: readonly Diagnostic[]): void {
  for (const diagnostic of sortDiagnostics(diagnostics)) terminal.err(diagnosticLine(diagnostic));
}
