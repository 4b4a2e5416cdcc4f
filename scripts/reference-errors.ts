import { catalogue } from '../src/base/catalogue.ts';
import { analysisCodes } from '../src/base/catalogue/analysis.ts';
import { borderCodes } from '../src/base/catalogue/border.ts';
import { configurationCodes } from '../src/base/catalogue/configuration.ts';
import { deviceCodes } from '../src/base/catalogue/device.ts';
import type { Blame, CatalogueEntry, Codes } from '../src/base/catalogue/entry.ts';
import { kubernetesCodes } from '../src/base/catalogue/kubernetes.ts';
import { machineCodes } from '../src/base/catalogue/machine.ts';
import { policyCodes } from '../src/base/catalogue/policy.ts';
import { resourceCodes } from '../src/base/catalogue/resource.ts';
import { sourceCodes } from '../src/base/catalogue/source.ts';
import { valueCodes } from '../src/base/catalogue/value.ts';
import { workerCodes } from '../src/base/catalogue/worker.ts';
import { bullets, code, page, paragraph } from './reference-markdown.ts';

/** In the order in which a reader meets them: what they wrote, where it was read, what became of it, the device. */
const areas: readonly { readonly title: string; readonly codes: Codes }[] = [
  { title: 'Configuration and command line', codes: configurationCodes },
  { title: 'Sources', codes: sourceCodes },
  { title: 'Kubernetes API', codes: kubernetesCodes },
  { title: 'Objects', codes: resourceCodes },
  { title: 'Selectors, addresses, ports', codes: valueCodes },
  { title: 'Policies in the cluster', codes: policyCodes },
  { title: 'Questions about rules, and lint', codes: analysisCodes },
  { title: 'Policies at the border', codes: borderCodes },
  { title: 'Plans and their guard', codes: workerCodes },
  { title: 'Devices', codes: deviceCodes },
  { title: 'Firewall machines', codes: machineCodes },
];

const whoActs: Readonly<Record<Blame, string>> = {
  input: 'whoever wrote it',
  transient: 'nobody, it is tried again',
  conflict: 'nobody; it is read again and tried again, because somebody else changed the same thing',
  rejected: 'whoever runs the device or server: it says no, and will again',
  bug: "Sallyport's maintainers",
};

/** `docs/reference/errors.md` */
export function errorsPage(): string {
  const described = new Set(areas.flatMap(({ codes }) => Object.keys(codes)));
  const homeless = Object.keys(catalogue).filter((name) => !described.has(name));
  if (homeless.length > 0) throw new Error(`codes without an area in the reference: ${homeless.join(', ')}`);
  return page(
    'Messages and their codes',
    paragraph(
      'Every message of Sallyport carries a code. Codes are stable: scripts and alerts may rely on them; the words of a message may change. ' +
        'Each code says what happened, what Sallyport does now, what you can do, and who has to act.',
    ),
    ...areas.flatMap(({ title, codes }) => [
      `## ${title}`,
      ...Object.entries(codes)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, entry]) => section(name, entry)),
    ]),
  );
}

function section(name: string, { blame, what, now, fix }: CatalogueEntry): string {
  const list = bullets([`Now: ${now}`, `What you can do: ${fix}`, `Who acts: ${whoActs[blame]} (${code(blame)}).`]);
  return [`### ${name}`, '', paragraph(what), '', list].join('\n');
}
