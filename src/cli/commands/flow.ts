import { rulelessOf } from '../../controller/devices/drivers.ts';
import { type ExitCode, exit } from '../exit.ts';
import { deviceHere, onDevices, viewsOf } from '../firewalls.ts';
import { tellUnfollowed } from '../followers.ts';
import { type FlowAnswer, flowText, type Others, type Question } from '../flow-answer.ts';
import { type Asked, answerTo } from '../flow-question.ts';
import { answerLines, refuseTwoReaders } from '../lines.ts';
import type { OutputOptions, WorldOptions } from '../options.ts';
import { printResult, type Terminal } from '../terminal.ts';
import { usage } from '../usage.ts';
import type { CommandWorld } from '../command-world.ts';
import { readWholeWorld } from '../world.ts';

interface FlowOptions extends WorldOptions, OutputOptions {
  readonly from?: string;
  readonly to?: string;
  readonly protocol: string;
  readonly port?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
  readonly stdin?: boolean;
  readonly devices?: boolean;
}

/** `sallyport flow`: whether a flow passes, in the cluster and at each border firewall on its way, and why. */
export async function flow(terminal: Terminal, options: FlowOptions): Promise<ExitCode> {
  const { from, to, stdin } = options;
  if (stdin === true ? from !== undefined || to !== undefined : from === undefined || to === undefined)
    throw usage('give --from and --to, or --stdin');
  refuseTwoReaders(options);
  const read = await readWholeWorld(terminal, options);
  const others = options.devices === true ? await othersOnDevices(terminal, read) : undefined;
  const ruleless = rulelessOf(read.world.inventory.borderFirewalls.values());
  const asked: Asked = { world: read.world, policies: read.policies(), others, ruleless };
  if (from === undefined || to === undefined) {
    await tellUnfollowed(terminal, read);
    return answerLines(terminal, (line) => {
      const answer = answerTo(asked, readQuestion(line));
      return { data: answer, code: codeOf(answer) };
    });
  }
  const { protocol, port, icmpType, icmpCode } = options;
  const answer = answerTo(asked, question(from, to, protocol, port, icmpType, icmpCode));
  await tellUnfollowed(terminal, read, onTheWay(answer));
  printResult(terminal, options.output, 'FlowAnswer', answer, () =>
    answer.families.map((one) => flowText(answer, one)).join('\n\n'),
  );
  return codeOf(answer);
}

function codeOf({ outcome }: FlowAnswer): ExitCode {
  return outcome === 'allowed' ? exit.done : outcome === 'denied' ? exit.pending : exit.wrong;
}

function onTheWay({ families }: FlowAnswer): ReadonlySet<string> {
  return new Set(families.flatMap(({ border }) => border.flatMap(({ hops }) => hops.map(({ firewall }) => firewall))));
}

function question(
  from: string,
  to: string,
  protocol: string | number,
  port: number | undefined,
  icmpType: number | undefined,
  icmpCode: number | undefined,
): Question {
  return {
    from,
    to,
    protocol,
    ...(port === undefined ? {} : { port }),
    ...(icmpType === undefined ? {} : { icmpType }),
    ...(icmpCode === undefined ? {} : { icmpCode }),
  };
}

function readQuestion(line: Readonly<Record<string, unknown>>): Question {
  const { from, to, protocol = 'TCP', port, icmpType, icmpCode } = line;
  const number = (value: unknown, name: string): number | undefined => {
    if (value === undefined || typeof value === 'number') return value;
    throw usage(`"${name}" is a number`);
  };
  if (typeof from !== 'string' || typeof to !== 'string')
    throw usage('a line has "from" and "to", each a pod or an address');
  if (typeof protocol !== 'string' && typeof protocol !== 'number') throw usage('"protocol" is a name or a number');
  return question(from, to, protocol, number(port, 'port'), number(icmpType, 'icmpType'), number(icmpCode, 'icmpCode'));
}

/** The rules of others on each device; a device that does not answer is told, and nothing is known of it. */
async function othersOnDevices(terminal: Terminal, read: CommandWorld): Promise<Others> {
  const signal = new AbortController().signal;
  const { results } = await onDevices(
    terminal,
    read,
    viewsOf(terminal, read),
    async (firewall) => {
      const driver = deviceHere(firewall);
      const { foreign } = await driver.observe(signal);
      const passages = await driver.passages?.(signal);
      if (driver.connectionsStay !== undefined) terminal.err(`note: ${firewall.name}: ${driver.connectionsStay}`);
      return [firewall.name, { foreign, passages }] as const;
    },
    { ofOne: 'tell' },
  );
  return new Map(results);
}
