import { z } from 'zod';
import type { Diagnostic, Parsed } from '../src/base/diagnostic.ts';
import { parseAddress } from '../src/ip/address.ts';
import { readManifestText } from '../src/sources/manifests/document.ts';
import type { Transport } from './agent.ts';

/** A host of the lab's outside world. */
export interface OutsideHost {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly serves: readonly { readonly port: number; readonly transport: 'tcp' | 'udp' }[];
}

/** `allow payments/checkout -> bank:443/TCP from 192.0.2.101`: what must be true of every pod of the left side. */
export interface Statement {
  readonly text: string;
  readonly allow: boolean;
  readonly from: string;
  readonly to: string;
  readonly transport: Transport;
  /** 0 for ICMP. */
  readonly port: number;
  /** Sources that the outside may see; empty: any. */
  readonly sources: readonly string[];
}

export interface StoryStep {
  readonly title: string;
  readonly scale?: { readonly like: string; readonly add: number; readonly name: string };
  readonly label?: { readonly pod: string; readonly set: Readonly<Record<string, string | null>> };
  /** `Kind/namespace/name` or `Kind/name`. */
  readonly delete: readonly string[];
  /** A connection that is opened before the change and must be cut by it. */
  readonly open?: Statement;
  /** Becomes true by the change; the time until then is shown. */
  readonly watch: Statement;
}

export interface Story {
  readonly outside: readonly OutsideHost[];
  readonly expect: readonly Statement[];
  readonly steps: readonly StoryStep[];
}

const STATEMENT =
  /^(?:(allow|deny) )?([a-z0-9-]+\/[a-z0-9.-]+) -> ([a-z0-9-]+)(?::([0-9]{1,5})\/(TCP|UDP)|\/(ICMP))(?: from (.+))?$/;

/** Reads one statement; nothing if it is none. */
export function parseStatement(text: string): Statement | undefined {
  const match = STATEMENT.exec(text);
  if (match === null) return undefined;
  const [, verb, from = '', to = '', port = '0', protocol, icmp, seen] = match;
  if (icmp === undefined && !(Number(port) >= 1 && Number(port) <= 65535)) return undefined;
  const sources = seen === undefined ? [] : seen.split(',').map((source) => source.trim());
  if (sources.some((source) => parseAddress(source) === undefined)) return undefined;
  const transport = icmp === undefined ? (protocol === 'TCP' ? 'tcp' : 'udp') : 'icmp';
  return { text, allow: verb !== 'deny', from, to, transport, port: Number(port), sources };
}

const statement = z.string().transform((text, context): Statement => {
  const parsed = parseStatement(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({
    code: 'custom',
    message:
      'is no statement; write `allow NAMESPACE/NAME -> HOST:PORT/TCP`, UDP likewise, or `deny NAMESPACE/NAME -> HOST/ICMP`',
  });
  return z.NEVER;
});

const service = z
  .string()
  .regex(/^[0-9]{1,5}\/(TCP|UDP)$/, 'takes PORT/TCP or PORT/UDP')
  .transform((text) => ({
    port: Number.parseInt(text, 10),
    transport: text.endsWith('TCP') ? ('tcp' as const) : ('udp' as const),
  }));

const address = z.string().refine((text) => parseAddress(text) !== undefined, 'takes an IPv4 or IPv6 address');

const schema = z.strictObject({
  outside: z.array(
    z.strictObject({
      name: z.string().regex(/^[a-z0-9-]{1,32}$/),
      addresses: z.array(address),
      serves: z.array(service),
    }),
  ),
  expect: z.array(statement).default([]),
  steps: z
    .array(
      z.strictObject({
        title: z.string(),
        scale: z.strictObject({ like: z.string(), add: z.int().min(1).max(100), name: z.string() }).optional(),
        label: z.strictObject({ pod: z.string(), set: z.record(z.string(), z.string().nullable()) }).optional(),
        delete: z.array(z.string()).default([]),
        open: statement.optional(),
        watch: statement,
      }),
    )
    .default([]),
});

/** Reads the text of a story file; all mistakes at once. */
export function parseStory(text: string, file: string): Parsed<Story> {
  const { objects, problems } = readManifestText(text, file);
  const [only] = objects;
  if (only === undefined) {
    const none: Diagnostic = {
      severity: 'error',
      code: 'CONFIG_SYNTAX',
      message: 'the story is empty',
      path: '',
      at: { file },
    };
    return { diagnostics: problems.length > 0 ? problems : [none] };
  }
  const parsed = schema.safeParse(only.raw);
  const diagnostics: Diagnostic[] = (parsed.error?.issues ?? []).map((issue) => {
    const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
    return {
      severity: 'error',
      code: 'CONFIG_VALUE',
      message: issue.message,
      path: path.join('.'),
      at: only.locate(path),
    };
  });
  if (!parsed.success) return { diagnostics };
  const { outside, expect, steps } = parsed.data;
  const hosts = new Set(outside.map((host) => host.name));
  const statements = [
    ...expect,
    ...steps.flatMap((step) => (step.open === undefined ? [step.watch] : [step.watch, step.open])),
  ];
  for (const { to, text: said } of statements)
    if (!hosts.has(to))
      diagnostics.push({
        severity: 'error',
        code: 'CONFIG_VALUE',
        message: `"${said}" names "${to}", which is not under outside`,
        path: 'outside',
        at: only.locate(['outside']),
      });
  if (diagnostics.length > 0) return { diagnostics };
  return {
    diagnostics,
    value: {
      outside,
      expect,
      steps: steps.map(({ scale, label, open, ...rest }) => ({
        ...rest,
        ...(scale === undefined ? {} : { scale }),
        ...(label === undefined ? {} : { label }),
        ...(open === undefined ? {} : { open }),
      })),
    },
  };
}
