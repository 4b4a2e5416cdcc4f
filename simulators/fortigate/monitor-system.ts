import { GLOBAL } from './configuration.ts';
import { usesOf } from './edit.ts';
import { type MonitorCall, type MonitorCalls, needed, neededText, paged } from './monitor-call.ts';
import { type Resource, resources, tablesOf, vdomLimitOf } from './models.ts';
import { readJson, Refusal } from './request.ts';
import type { Live } from './live.ts';
import { textOf } from './row.ts';
import { tableOf, tables } from './tables/index.ts';

const status: MonitorCall = {
  method: 'GET',
  right: 'any',
  scope: 'global',
  answer: ({ live: { device } }) => ({
    model_name: device.model.family,
    model_number: device.model.number,
    model: device.model.serial.slice(0, 6),
    hostname: textOf(device.running.row(GLOBAL, 'system/global', '') ?? {}, 'hostname'),
    log_disk_status: 'available',
  }),
};

function countIn({ device }: Live, vdom: string, resource: Resource): number {
  return tablesOf(resource).reduce((sum, table) => sum + device.running.table(vdom, table).size, 0);
}

const percentage = (used: number, most: number): number => (most === 0 ? 0 : Math.floor((used * 100) / most));

const vdomResource: MonitorCall = {
  method: 'GET',
  right: 'sysgrp.cfg',
  scope: 'vdom',
  answer: ({ live, vdom }) => ({
    ...Object.fromEntries(
      resources.map((resource) => {
        const [used, globalMax] = [countIn(live, vdom, resource), live.device.model.limits[resource]];
        const custom = vdomLimitOf(live.device.running, vdom, tablesOf(resource)[0] ?? '') ?? 0;
        return [
          resource,
          {
            current_usage: used,
            global_max: globalMax,
            custom_max: custom,
            guaranteed: 0,
            usage_percentage: percentage(used, custom === 0 ? globalMax : custom),
          },
        ];
      }),
    ),
    session: {
      current_usage: live.sessions.list(vdom).length,
      global_max: 0,
      custom_max: 0,
      guaranteed: 0,
      usage_percentage: 0,
    },
  }),
};

const globalResources: MonitorCall = {
  method: 'GET',
  right: 'sysgrp.cfg',
  scope: 'global',
  answer: ({ live }) =>
    Object.fromEntries(
      resources.map((resource) => {
        const used = live.device.vdoms.reduce((sum, vdom) => sum + countIn(live, vdom, resource), 0);
        const most = live.device.model.limits[resource];
        return [resource, { current_usage: used, global_max: most, usage_percentage: percentage(used, most) }];
      }),
    ),
};

const objectUsage: MonitorCall = {
  method: 'GET',
  right: 'any',
  scope: 'vdom',
  answer: ({ live, request, vdom }) => {
    const table = tableOf(`${needed(request, 'q_path')}/${needed(request, 'q_name')}`);
    if (table === undefined) throw new Refusal(404, 'there is no such table');
    const uses = usesOf(
      live.device.running,
      table.scope === 'global' ? GLOBAL : vdom,
      table.id,
      needed(request, 'mkey'),
    );
    return {
      currently_using: uses.map((use) => ({
        path: use.table.path,
        name: use.table.name,
        attribute: use.field.name,
        mkey: use.table.keyKind === 'number' ? Number(use.key) : use.key,
        vdom: use.vdom === GLOBAL ? 'global' : use.vdom,
      })),
    };
  },
};

const generateKey: MonitorCall = {
  method: 'POST',
  right: 'sysgrp.admin',
  scope: 'global',
  answer: ({ live, request }) => {
    const user = neededText(readJson(request), 'api-user');
    if (live.device.running.row(GLOBAL, 'system/api-user', user) === undefined)
      throw new Refusal(404, `there is no API administrator ${user}`, -3);
    return { access_token: live.accounts.mint(user) };
  },
};

const save: MonitorCall = {
  method: 'POST',
  right: 'sysgrp.cfg',
  scope: 'global',
  answer: ({ live }) => {
    live.device.save();
    return {};
  },
};

const connectors: MonitorCall = {
  method: 'GET',
  right: 'sysgrp.cfg',
  scope: 'vdom',
  answer: ({ live, vdom }) =>
    [...live.device.running.table(vdom, 'system/sdn-connector').values()].map((row) => ({
      name: textOf(row, 'name'),
      type: textOf(row, 'type'),
      status: textOf(row, 'status') === 'enable' ? 'up' : 'disabled',
    })),
};

const updateConnector: MonitorCall = {
  method: 'POST',
  right: 'sysgrp.cfg',
  scope: 'vdom',
  answer: ({ live, request, vdom }) => {
    const name = neededText(readJson(request), 'mkey');
    if (live.device.running.row(vdom, 'system/sdn-connector', name) === undefined)
      throw new Refusal(404, `there is no connector ${name}`, -3);
    return {};
  },
};

const uuids: MonitorCall = {
  method: 'GET',
  right: 'fwgrp.policy',
  scope: 'vdom',
  answer: ({ live, request, vdom }) =>
    paged(
      request,
      tables.flatMap((table) =>
        [...live.device.running.table(vdom, table.id)].flatMap(([key, row]) =>
          textOf(row, 'uuid') === ''
            ? []
            : [{ uuid: textOf(row, 'uuid'), path: table.path, name: table.name, mkey: key }],
        ),
      ),
    ),
};

export const systemCalls: MonitorCalls = {
  'system/status': status,
  'system/vdom-resource': vdomResource,
  'system/global-resources': globalResources,
  'system/object/usage': objectUsage,
  'system/api-user/generate-key': generateKey,
  'system/config/save': save,
  'system/sdn-connector/status': connectors,
  'system/sdn-connector/update': updateConnector,
  'firewall/uuid-list': uuids,
};
