import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parse } from 'yaml';
import type { ApiObject, RawApi } from '../kit/raw-api.ts';

const folder = join(import.meta.dirname, '../../deploy/crds');

/** Applies an object as whoever `api` is, strictly. */
export async function apply(api: RawApi, path: string, object: object, query = ''): Promise<ApiObject> {
  const strict = `${path}?fieldManager=test&fieldValidation=Strict${query}`;
  return api.json('PATCH', strict, object, 'application/apply-patch+yaml');
}

/** Gives a cluster the definitions of our kinds, and waits until they are served. */
export async function define(admin: RawApi): Promise<void> {
  for (const file of readdirSync(folder)) {
    const definition = parse(readFileSync(join(folder, file), 'utf8')) as ApiObject;
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${definition.metadata.name}`;
    await apply(admin, path, definition);
    while (!(await isEstablished(admin, path))) await setTimeout(50);
  }
}

async function isEstablished(admin: RawApi, path: string): Promise<boolean> {
  const { status } = await admin.json<{ status: { conditions?: { type: string; status: string }[] } }>('GET', path);
  return status.conditions?.some((one) => one.type === 'Established' && one.status === 'True') ?? false;
}
