/** A fenced block of a Markdown page. */
export interface Fence {
  /** The line of the opening fence, from 1. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
  /** The comment in the line before, without its marks; it speaks to the tests that read or run the page. */
  readonly note: string;
}

/** Fenced blocks, and what stands outside of them; a fence in a list is indented. Throws for a fence that does not close. */
export function splitMarkdown(markdown: string): { readonly fences: readonly Fence[]; readonly prose: string } {
  const fences: Fence[] = [];
  const prose: string[] = [];
  let open: (Omit<Fence, 'text'> & { readonly indent: string; readonly lines: string[] }) | undefined;
  markdown.split('\n').forEach((text, index) => {
    const [, indent = '', language = ''] = /^( *)```(\S*)/.exec(text) ?? [];
    if (!text.trimStart().startsWith('```')) {
      if (open === undefined) prose.push(text);
      else open.lines.push(text.startsWith(open.indent) ? text.slice(open.indent.length) : text);
    } else if (open === undefined) {
      const note = /^<!-- (.*) -->$/.exec(prose.at(-1)?.trim() ?? '')?.[1] ?? '';
      open = { line: index + 1, indent, language, note, lines: [] };
    } else {
      fences.push({ line: open.line, language: open.language, note: open.note, text: open.lines.join('\n') });
      open = undefined;
      prose.push('');
    }
  });
  if (open !== undefined) throw new Error(`the fence of line ${open.line} does not close`);
  return { fences, prose: prose.join('\n') };
}
