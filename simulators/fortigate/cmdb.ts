import { type Account, demand } from './accounts.ts';
import type { CmdbContext } from './cmdb-context.ts';
import { GLOBAL, type Configuration } from './configuration.ts';
import type { Device, Editor } from './device.ts';
import { type Change, usesOf } from './edit.ts';
import { CmdbFault, code } from './fault.ts';
import type { Field } from './field.ts';
import { defaults, isOffered, newEntry } from './read-entry.ts';
import { atLeast } from './release.ts';
import { page, refuseUnknownParameters, show, type Showing } from './query.ts';
import { type Answer, parameter, readJson, Refusal, type Request } from './request.ts';
import { type Row, rowsOf, wordOf } from './row.ts';
import type { Table } from './table.ts';
import { fieldsOf, knownTable, tableOf } from './tables/index.ts';
import { answerTransaction, transactionOf } from './transaction-calls.ts';
import { envelope, type Envelope } from './envelope.ts';
import { vdomsOf } from './scope.ts';

/** Answers requests below `/api/v2/cmdb` (reference 1.2 to 1.8). */
export function answerCmdb(context: CmdbContext, account: Account, request: Request): Answer {
  refuseUnknownParameters(request);
  const [path, name, key, ...below] = request.path.slice(3);
  if (path === undefined || parameter(request, 'action')?.startsWith('transaction-') === true)
    return answerTransaction(context, account, request);
  const table = tableOf(`${path}/${name ?? ''}`);
  if (table === undefined) throw new Refusal(404, 'there is no such table');
  const write = request.method !== 'GET';
  demand(context.accounts, account, table.right, write);
  if (write && !table.writable) throw new Refusal(405, 'this table is not written by requests');
  const scopes = vdomsOf(context.device, account, request, table.scope);
  if (!write) return read(context.device, account, request, table, key, below, scopes);
  if (scopes.many) throw new Refusal(400, 'a change is for one VDOM', code.badRequest);
  const [vdom = GLOBAL] = scopes.vdoms;
  const editor = { name: account.name, ...editorTransaction(context.device, account, request, vdom) };
  return change(context.device, request, { vdom, table }, key, below, editor);
}

function editorTransaction(
  device: Device,
  account: Account,
  request: Request,
  vdom: string,
): Pick<Editor, 'transaction'> {
  const transaction = transactionOf(device, account, request);
  if (transaction === undefined) return {};
  if (transaction.vdom !== vdom && vdom !== GLOBAL)
    throw new CmdbFault(code.notFound, `transaction ${transaction.id} is of VDOM ${transaction.vdom}\n`, 424);
  return { transaction };
}

function read(
  device: Device,
  account: Account,
  request: Request,
  table: Table,
  key: string | undefined,
  below: readonly string[],
  { vdoms, many }: { readonly vdoms: readonly string[]; readonly many: boolean },
): Answer {
  const configuration = transactionOf(device, account, request)?.working ?? device.running;
  const answers = vdoms.map((vdom) => readOne(device, configuration, request, { vdom, table }, key, below));
  const [only] = answers;
  if (!many && only !== undefined) return only;
  return { status: 200, body: answers.map(({ body }) => body) };
}

interface Place {
  readonly vdom: string;
  readonly table: Table;
}

function readOne(
  device: Device,
  configuration: Configuration,
  request: Request,
  place: Place,
  key: string | undefined,
  below: readonly string[],
): Answer {
  const { vdom, table } = place;
  const frame = { ...frameOf(device, request, place), revision: configuration.revision(vdom, table.id) };
  const showing = showingOf(device, configuration, place);
  const entries = entriesOf(configuration, place);
  const action = parameter(request, 'action');
  if (action !== undefined && action !== 'select') return answerAction(frame, request, place, action, entries, device);
  if (table.shape === 'single') {
    const row = entries.get('') ?? {};
    return envelope(frame, 200, { results: show(row, request, showing) });
  }
  if (key === undefined) {
    const { rows, matched, next, limited } = page([...entries.values()], request, device.switches.cmdbPage);
    const results = rows.map((row) => show(row, request, showing));
    return envelope(frame, 200, {
      size: entries.size,
      matched_count: matched,
      next_idx: next,
      limit_reached: limited,
      results,
    });
  }
  const row = entries.get(key);
  if (row === undefined) return envelope(frame, 404, { results: [], error: code.notFound, mkey: key });
  if (below.length === 0) return envelope(frame, 200, { results: [show(row, request, showing)], mkey: key });
  const child = childOf(device, table, below);
  const rows = rowsOf(row, child.field.name);
  if (child.key === undefined)
    return envelope(frame, 200, { results: rows.map((one) => ({ ...one, q_origin_key: one[child.keyField] })) });
  const found = rows.find((one) => wordOf(one[child.keyField]) === child.key);
  if (found === undefined) return envelope(frame, 404, { results: [], error: code.notFound, mkey: child.key });
  return envelope(frame, 200, { results: [{ ...found, q_origin_key: found[child.keyField] }], mkey: child.key });
}

/** Global entries of feeds come first, for every VDOM (reference 1.10). */
function entriesOf(configuration: Configuration, { vdom, table }: Place): ReadonlyMap<string, Row> {
  const own = configuration.table(vdom, table.id);
  if (table.scope !== 'either' || vdom === GLOBAL) return own;
  return new Map([...configuration.table(GLOBAL, table.id), ...own]);
}

function showingOf(device: Device, configuration: Configuration, { vdom, table }: Place): Showing {
  return {
    key: table.key,
    fields: fieldsOf(table.fields, device.release),
    defaults: defaults(table.fields, device.release),
    uses: (row) => usesOf(configuration, vdom, table.id, wordOf(row[table.key])).length,
    source(field, name) {
      if (field.kind !== 'reference' && field.kind !== 'references') return undefined;
      const target = field.to.find((one) => {
        const { scope } = knownTable(one.table);
        return [vdom, ...(scope === 'vdom' ? [] : [GLOBAL])].some(
          (at) => configuration.row(at, one.table, name) !== undefined,
        );
      });
      return target === undefined ? undefined : `${target.table.replace('/', '.')}.${knownTable(target.table).key}`;
    },
    relevant: (row, field) => table.relevant?.(row, field) ?? true,
  };
}

function answerAction(
  frame: Envelope,
  request: Request,
  { table }: Place,
  action: string,
  entries: ReadonlyMap<string, Row>,
  device: Device,
): Answer {
  const fields = fieldsOf(table.fields, device.release);
  switch (action) {
    case 'revision':
      return envelope(frame, 200, { results: { revision: frame.revision } });
    case 'default':
      return envelope(frame, 200, { results: newEntry(table.fields, device) });
    case 'stats':
      return envelope(frame, 200, { results: { count: entries.size } });
    case 'find-index': {
      const keys = (parameter(request, 'primary_keys') ?? '').split(',');
      const all = [...entries.keys()];
      return envelope(frame, 200, { results: { indices: keys.map((one) => all.indexOf(one)) } });
    }
    case 'schema':
    case 'json-schema':
    case 'meta':
      return envelope(frame, 200, {
        results: {
          name: table.name,
          category: table.shape === 'single' ? 'object' : 'table',
          ...(table.shape === 'single'
            ? {}
            : { mkey: table.key, mkey_type: table.keyKind === 'number' ? 'integer' : 'string' }),
          children: Object.fromEntries(fields.map((field) => [field.name, schemaOf(field, device)])),
        },
      });
    case 'datasource': {
      const field = fields.find(({ name }) => name === parameter(request, 'attr'));
      if (field === undefined || (field.kind !== 'reference' && field.kind !== 'references'))
        throw new Refusal(400, 'attr is not a field of names', code.badRequest);
      return envelope(frame, 200, { results: field.to.map((one) => `${one.table.replace('/', '.')}`) });
    }
    default:
      throw new Refusal(400, `there is no action ${action}`, code.badAction);
  }
}

function schemaOf(field: Field, device: Device): object {
  switch (field.kind) {
    case 'text':
      return { name: field.name, category: 'unitary', type: 'string', size: field.max, default: field.default };
    case 'number':
      return {
        name: field.name,
        category: 'unitary',
        type: 'integer',
        'min-value': field.min,
        'max-value': field.max,
        default: field.default,
      };
    case 'choice':
      return {
        name: field.name,
        category: 'unitary',
        type: 'option',
        options: field.values.filter((one) => isOffered(one, device.release)).map(({ value }) => ({ name: value })),
      };
    case 'reference':
      return {
        name: field.name,
        category: 'unitary',
        type: 'string',
        size: field.max,
        datasource: field.to
          .filter(({ since }) => since === undefined || atLeast(device.release, since))
          .map(({ table }) => table.replace('/', '.')),
      };
    case 'references':
      return {
        name: field.name,
        category: 'table',
        mkey: field.key,
        datasource: field.to
          .filter(({ since }) => since === undefined || atLeast(device.release, since))
          .map(({ table }) => table.replace('/', '.')),
      };
    case 'rows':
      return {
        name: field.name,
        category: 'table',
        mkey: field.key,
        children: Object.fromEntries(field.fields.map((one) => [one.name, schemaOf(one, device)])),
      };
    case 'part':
      return {
        name: field.name,
        category: 'object',
        children: Object.fromEntries(field.fields.map((one) => [one.name, schemaOf(one, device)])),
      };
    case 'uuid':
      return { name: field.name, category: 'unitary', type: 'uuid' };
    default:
      throw new Error('a field of no kind');
  }
}

function change(
  device: Device,
  request: Request,
  place: Place,
  key: string | undefined,
  below: readonly string[],
  editor: Editor,
): Answer {
  const { vdom, table } = place;
  const configuration = editor.transaction?.working ?? device.running;
  const old = configuration.revision(vdom, table.id);
  const frame = frameOf(device, request, place);
  const wanted = changeOf(device, configuration, request, place, key, below);
  try {
    const made = device.change(wanted, editor);
    const after = editor.transaction === undefined ? device.running.revision(vdom, table.id) : old;
    const mkey = table.shape === 'single' ? {} : { mkey: table.keyKind === 'number' ? Number(made.key) : made.key };
    return envelope({ ...frame, revision: after }, 200, { revision_changed: made.changed, old_revision: old, ...mkey });
  } catch (thrown) {
    if (!(thrown instanceof CmdbFault)) throw thrown;
    const mkey = key ?? (wanted.kind === 'create' ? (wanted.body as Record<string, unknown>)[table.key] : undefined);
    const http = thrown.http === 500 ? device.switches.validation : thrown.http;
    return envelope({ ...frame, revision: old }, http, {
      error: thrown.error,
      cli_error: thrown.message,
      ...(mkey === undefined ? {} : { mkey }),
    });
  }
}

function changeOf(
  device: Device,
  configuration: Configuration,
  request: Request,
  { vdom, table }: Place,
  key: string | undefined,
  below: readonly string[],
): Change {
  const action = parameter(request, 'action');
  const at = table.shape === 'single' ? '' : key;
  if (below.length > 0 && at !== undefined)
    return childChange(device, configuration, request, { vdom, table }, at, below);
  switch (request.method) {
    case 'POST': {
      if (action === 'clone' && at !== undefined) {
        const to = parameter(request, 'nkey');
        if (to === undefined) throw new Refusal(400, 'nkey is missing', code.requestMissing);
        return { kind: 'clone', vdom, table, key: at, to };
      }
      if (action !== undefined) throw new Refusal(400, `there is no action ${action}`, code.badAction);
      if (key !== undefined || table.shape === 'single') throw new Refusal(405, 'entries are made in their table');
      return { kind: 'create', vdom, table, body: readJson(request) };
    }
    case 'PUT': {
      if (at === undefined) throw new Refusal(405, 'a whole table is not replaced');
      if (action === 'move') return { ...moveOf(request), vdom, table, key: at };
      if (action !== undefined) throw new Refusal(400, `there is no action ${action}`, code.badAction);
      if (request.body.trim() === '') throw new Refusal(400, 'the body is missing', code.requestMissing);
      return { kind: 'update', vdom, table, key: at, body: readJson(request) };
    }
    case 'DELETE':
      if (at === undefined || table.shape === 'single') throw new Refusal(405, 'a whole table is not removed');
      return { kind: 'delete', vdom, table, key: at };
    default:
      throw new Refusal(405, `${request.method} is not for this`);
  }
}

function moveOf(request: Request): {
  readonly kind: 'move';
  readonly side: 'before' | 'after';
  readonly target: string;
} {
  const [before, after] = [parameter(request, 'before'), parameter(request, 'after')];
  if ((before === undefined) === (after === undefined))
    throw new Refusal(400, 'move needs before or after', code.badRequest);
  return before === undefined
    ? { kind: 'move', side: 'after', target: after ?? '' }
    : { kind: 'move', side: 'before', target: before };
}

interface Child {
  readonly field: Extract<Field, { kind: 'references' | 'rows' }>;
  readonly keyField: string;
  readonly key: string | undefined;
}

function childOf(device: Device, table: Table, below: readonly string[]): Child {
  const [name, key, ...more] = below;
  const field = fieldsOf(table.fields, device.release).find((one) => one.name === name);
  const hidden = table.id === 'firewall/addrgrp6' && !device.switches.memberPath6;
  if (field === undefined || (field.kind !== 'references' && field.kind !== 'rows') || more.length > 0 || hidden)
    throw new Refusal(404, 'there is no such child table');
  return { field, keyField: field.key, key };
}

/** A change of one row of a child table, as the change of the entry that has it. */
function childChange(
  device: Device,
  configuration: Configuration,
  request: Request,
  { vdom, table }: Place,
  key: string,
  below: readonly string[],
): Change {
  const child = childOf(device, table, below);
  const row = configuration.row(vdom, table.id, key);
  if (row === undefined) throw new CmdbFault(code.notFound, 'entry not found\n', 404);
  const before = rowsOf(row, child.field.name);
  const isAsked = (one: Row): boolean => wordOf(one[child.keyField]) === child.key;
  const written = (rows: readonly unknown[]): Change => ({
    kind: 'update',
    vdom,
    table,
    key,
    body: { [child.field.name]: rows },
  });
  if (request.method === 'POST' && child.key === undefined) {
    const body = readJson(request);
    const name = body[child.keyField];
    if (before.some((one) => one[child.keyField] === name))
      throw new CmdbFault(code.duplicate, 'object already exists\n');
    return written([...before, body]);
  }
  if (child.key === undefined || request.method === 'POST') throw new Refusal(405, 'this is not for a child table');
  if (!before.some(isAsked)) throw new CmdbFault(code.notFound, 'entry not found\n', 404);
  if (request.method === 'DELETE') return written(before.filter((one) => !isAsked(one)));
  // A row that is only a key has nothing to put (reference 1.2).
  if (request.method !== 'PUT' || child.field.kind === 'references')
    throw new Refusal(405, 'a row that is only a key is not put');
  const body = readJson(request);
  return written(before.map((one) => (isAsked(one) ? { ...one, ...body } : one)));
}

function frameOf(device: Device, request: Request, { vdom, table }: Place): Envelope {
  return {
    http_method: request.method,
    vdom: vdom === GLOBAL ? (device.vdoms[0] ?? 'root') : vdom,
    path: table.path,
    name: table.name,
    serial: device.model.serial,
    version: device.release.text,
    build: device.release.build,
  };
}
