import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { SallyportError } from '../base/error.ts';

/** What `plan --out` keeps: which plans a person has looked at. The plans themselves are made anew, and refused if they differ. */
const planFile = z.strictObject({
  apiVersion: z.literal('cli.sallyport.dev/v1alpha1'),
  kind: z.literal('PlanFile'),
  plans: z.array(z.strictObject({ firewall: z.string(), digest: z.string().regex(/^[0-9a-f]{64}$/) })),
});

export async function writePlanFile(
  file: string,
  plans: readonly { firewall: string; digest: string }[],
): Promise<void> {
  const document = { apiVersion: 'cli.sallyport.dev/v1alpha1', kind: 'PlanFile', plans };
  await writeFile(file, `${JSON.stringify(document, null, 2)}\n`);
}

/** Digests by firewall. Throws USAGE for what is no plan file. */
export async function readPlanFile(file: string): Promise<ReadonlyMap<string, string>> {
  let raw: unknown;
  try {
    raw = JSON.parse(await readFile(file, 'utf8'));
  } catch {
    throw new SallyportError(
      'USAGE',
      `${file} cannot be read as a plan; make one with \`sallyport plan --out ${file}\``,
    );
  }
  const parsed = planFile.safeParse(raw);
  if (!parsed.success)
    throw new SallyportError('USAGE', `${file} is no plan file; make one with \`sallyport plan --out ${file}\``);
  return new Map(parsed.data.plans.map(({ firewall, digest }) => [firewall, digest]));
}
