import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { compareUtf8 } from '../../base/compare.ts';
import { SallyportError } from '../../base/error.ts';
import { auditFolder } from '../../controller/devices/devices.ts';
import { stateFolder } from '../../controller/state/state-folder.ts';
import { type AuditHistory, type AuditWrite, historyOf } from '../../insight/audit/history.ts';
import { type ExitCode, exit } from '../exit.ts';
import type { OutputOptions } from '../options.ts';
import { type Terminal, printResult, table } from '../terminal.ts';
import { parseTime } from '../time.ts';
import { usage } from '../usage.ts';
import { readConfiguration } from '../world.ts';

interface AuditOptions extends OutputOptions {
  readonly config?: string;
  readonly cluster?: string;
  readonly firewall?: string;
  readonly since?: string;
  readonly until?: string;
  readonly last: number;
}

/** `sallyport audit`: what was written to firewalls from this machine, when and by whom. The chain of records is proved each time. */
export async function audit(terminal: Terminal, options: AuditOptions): Promise<ExitCode> {
  const now = Date.now();
  const cluster =
    options.cluster ?? (options.config === undefined ? undefined : readConfiguration(terminal, options.config).cluster);
  if (cluster === undefined)
    throw usage('whose trail? give --cluster NAME, or -c FILE with a configuration that names the cluster');
  const folder = stateFolder(cluster);
  const question = {
    since: options.since === undefined ? Number.NEGATIVE_INFINITY : parseTime(options.since, now),
    until: options.until === undefined ? Number.POSITIVE_INFINITY : parseTime(options.until, now),
    last: options.last,
  };
  const names = firewallsIn(folder);
  if (options.firewall !== undefined && !names.includes(options.firewall))
    throw new SallyportError('NOT_FOUND', `there is no audit trail of ${options.firewall} in ${folder}`);
  const asked = options.firewall === undefined ? names : [options.firewall];
  terminal.err(`audit trail: ${join(folder, 'audit')}`);
  const histories: (AuditHistory & { readonly firewall: string })[] = [];
  for (const firewall of asked)
    histories.push({ firewall, ...(await historyOf(auditFolder(folder, firewall), firewall, question)) });
  const writes = histories
    .flatMap((history) => history.writes)
    .toSorted((a, b) => compareUtf8(a.at, b.at) || compareUtf8(a.firewall, b.firewall) || a.number - b.number)
    .slice(-options.last);
  for (const { firewall, problems, gaps } of histories) {
    for (const { file, line, message } of problems) terminal.err(`error ${file}:${line}: ${message}`);
    for (const { at, lost, reason } of gaps)
      terminal.err(`warning ${firewall}: ${lost} record${lost === 1 ? '' : 's'} missing before ${at}: ${reason}`);
  }
  const data = {
    writes: [...writes],
    trails: histories.map(({ firewall, records, problems, gaps }) => ({ firewall, records, problems, gaps })),
  };
  printResult(terminal, options.output, 'Audit', data, () => tableOf(writes));
  return histories.some(({ problems }) => problems.length > 0) ? exit.wrong : exit.done;
}

function firewallsIn(folder: string): readonly string[] {
  try {
    return readdirSync(join(folder, 'audit')).toSorted(compareUtf8);
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return [];
    throw new SallyportError('LOCAL_SYSTEM', `the audit trail cannot be read: ${String(thrown)}`, {}, thrown);
  }
}

function tableOf(writes: readonly AuditWrite[]): string {
  if (writes.length === 0) return 'nothing was written in this time';
  return table([
    ['TIME', 'FIREWALL', 'STEP', 'OBJECTS', 'PLAN', 'BY', 'APPROVED BY', 'RESULT'],
    ...writes.map((write) => [
      write.at,
      write.firewall,
      write.step,
      String(write.objects.length + write.more),
      write.plan?.slice(0, 12) ?? '-',
      write.by,
      write.approved?.by ?? '-',
      resultOf(write),
    ]),
  ]);
}

function resultOf({ result, ms, code, device }: AuditWrite): string {
  const named = device === undefined ? '' : ` (${device.join(', ')})`;
  switch (result) {
    case 'Accepted':
      return `accepted, ${ms ?? 0} ms${named}`;
    case 'Refused':
      return `refused: ${code ?? ''}${named}`;
    case 'Unknown':
      return 'no answer';
  }
}
