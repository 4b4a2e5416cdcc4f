import { SallyportError } from '../../../base/error.ts';
import { TABLE } from './model.ts';
import { FORWARD, isOurName, POSTROUTING } from './names.ts';
import { isSafeText } from './text.ts';

const NAME = '([a-z0-9_]+)';
const WHERE = `inet ${TABLE}`;
const COMMENT = '(?: comment "([^"]*)";)?';
const ADDRESS = '(?:ipv4_addr|ipv6_addr)';
const SET_TYPE = `(?:type (?:${ADDRESS}|mark);|type (?:${ADDRESS} \\. inet_proto|inet_proto \\. inet_service); flags interval;)`;
const MAP_TYPE = `type (?:${ADDRESS} : (?:verdict|mark|${ADDRESS})|mark : verdict);`;
const HOOK = '(?: \\{ type (?:filter hook forward priority 0|nat hook postrouting priority 100); policy accept; \\})?';

/** Every command that we ever send, and nothing else; the groups are names and comments. */
const COMMANDS: readonly RegExp[] = [
  new RegExp(`^(?:create|add|delete) table ${WHERE}$`),
  new RegExp(`^add set ${WHERE} ${NAME} \\{ ${SET_TYPE}${COMMENT} \\}$`),
  new RegExp(`^add map ${WHERE} ${NAME} \\{ ${MAP_TYPE}${COMMENT} \\}$`),
  new RegExp(`^add chain ${WHERE} ${NAME}${HOOK}$`),
  new RegExp(`^(?:delete (?:set|map)|flush map) ${WHERE} ${NAME}$`),
  new RegExp(`^(?:add|create|delete) element ${WHERE} ${NAME} \\{ [0-9a-z_.:/, -]+ \\}$`),
];
/** Base chains are made once and go with the table only: without them packets would leave unfiltered or untranslated. */
const CHAIN_COMMAND = new RegExp(`^(?:flush|delete) chain ${WHERE} ${NAME}$`);
/** No brace and so no anonymous set; quotation marks around what is logged and commented only. */
const RULE = new RegExp(
  `^add rule ${WHERE} ${NAME} ([^{}"]*)(?:log prefix "([^"]*)"([^{}"]*))?(?:comment "([^"]*)")?$`,
);
const RULE_WORDS = /^[A-Za-z0-9_@.,!=/ -]*$/;

/**
 * Refuses, with INTERNAL, a transaction of ours that holds anything we never mean to send (nftables reference, section 13.1): plain interval
 * sets, anonymous sets, `auto-merge`, a base chain that is emptied or deleted, a name or a quoted text out of bounds, any command not ours.
 * It reads the very text that nft will read, so that it does not matter which of us made the mistake.
 */
export function refuseUnsafe(text: string): string {
  for (const line of text.split('\n')) {
    const problem = line === '' ? undefined : problemOf(line);
    if (problem !== undefined)
      throw new SallyportError('INTERNAL', `refused to send to nft: ${problem}: ${line.slice(0, 200)}`);
  }
  return text;
}

function problemOf(line: string): string | undefined {
  for (const command of COMMANDS) {
    const found = command.exec(line);
    if (found === null) continue;
    const [, name, comment = ''] = found;
    return name === undefined ? undefined : nameProblem(name, comment);
  }
  const chain = CHAIN_COMMAND.exec(line)?.[1];
  if (chain === FORWARD || chain === POSTROUTING) return 'a base chain would be empty';
  if (chain !== undefined) return nameProblem(chain);
  const rule = RULE.exec(line);
  if (rule === null) return 'no command of ours';
  const [, name = '', before = '', prefix = '', after = '', comment = ''] = rule;
  if (!RULE_WORDS.test(before) || !RULE_WORDS.test(after)) return 'no rule of ours';
  return nameProblem(name, prefix, comment);
}

function nameProblem(name: string, ...texts: readonly string[]): string | undefined {
  if (!isOurName(name)) return 'a name that nft may take for a word';
  return texts.every(isSafeText) ? undefined : 'unsafe text in quotation marks';
}
