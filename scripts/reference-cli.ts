import type { Argument, Command, Option } from 'commander';
import { exitMeanings } from '../src/cli/exit-meanings.ts';
import { buildProgram } from '../src/cli/program.ts';
import { bullets, code, fenced, page, paragraph } from './reference-markdown.ts';

/** Columns of the help text; on a terminal it takes the terminal's. */
const HELP_WIDTH = 100;

/** `docs/reference/cli.md`. Nothing is run: the command line is built and read. */
export function cliPage(): string {
  const printed: string[] = [];
  const { root } = buildProgram({ out: (text) => void printed.push(text), err: () => {} });
  root.configureOutput({ getOutHelpWidth: () => HELP_WIDTH });
  root.outputHelp();
  const commands = root.commands.filter((command) => command.name() !== 'help');
  const extra = Object.keys(exitMeanings).filter((name) => !commands.some((command) => command.name() === name));
  if (extra.length > 0) throw new Error(`exit codes of commands that do not exist: ${extra.join(', ')}`);
  return page(
    'The command line',
    paragraph(
      'Results go to standard output, everything else (which world was read, mistakes, progress) to standard error. ' +
        `${code('-o json')} and ${code('-o yaml')} print a document whose shape is published in [cli-output.md](cli-output.md).`,
    ),
    fenced('text', printed.join('\n')),
    ...commands.toSorted((a, b) => (a.name() < b.name() ? -1 : 1)).map(section),
  );
}

function section(command: Command): string {
  const name = command.name();
  const meaning = exitMeanings[name];
  if (meaning === undefined)
    throw new Error(`the command ${name} says nothing of its exit codes (src/cli/exit-meanings.ts)`);
  const items = [
    ...command.registeredArguments.map(argumentLine),
    ...command.options.filter((option) => !option.hidden).map(optionLine),
  ];
  const pending = meaning.pending === undefined ? '' : `; ${code('2')} ${meaning.pending}`;
  return [
    `## ${name}`,
    paragraph(sentence(command.description())),
    fenced('text', `sallyport ${name} ${command.usage()}`.trimEnd()),
    ...(items.length === 0 ? [] : [bullets(items)]),
    paragraph(`Exit codes: ${code('0')} ${meaning.done}${pending}; ${code('1')} anything wrong.`),
  ].join('\n\n');
}

function argumentLine(argument: Argument): string {
  const name = argument.required ? `<${argument.name()}>` : `[${argument.name()}]`;
  return argument.description === '' ? code(name) : `${code(name)}: ${argument.description}`;
}

function optionLine(option: Option): string {
  const about = [
    ...(option.mandatory ? ['required'] : []),
    ...(option.argChoices === undefined ? [] : [option.argChoices.map(code).join(', ')]),
    ...(option.defaultValue === undefined || option.negate ? [] : [`default ${code(String(option.defaultValue))}`]),
  ];
  return `${code(option.flags)}${about.length === 0 ? '' : ` (${about.join('; ')})`}: ${option.description}`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
