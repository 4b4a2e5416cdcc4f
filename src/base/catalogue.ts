import { analysisCodes } from './catalogue/analysis.ts';
import { borderCodes } from './catalogue/border.ts';
import { configurationCodes } from './catalogue/configuration.ts';
import { deviceCodes } from './catalogue/device.ts';
import { kubernetesCodes } from './catalogue/kubernetes.ts';
import { machineCodes } from './catalogue/machine.ts';
import { policyCodes } from './catalogue/policy.ts';
import { resourceCodes } from './catalogue/resource.ts';
import { sourceCodes } from './catalogue/source.ts';
import { valueCodes } from './catalogue/value.ts';
import { workerCodes } from './catalogue/worker.ts';

/** Every code that Sallyport can print, by area. `docs/reference/errors.md` is made from it. */
export const catalogue = {
  ...valueCodes,
  ...resourceCodes,
  ...policyCodes,
  ...analysisCodes,
  ...borderCodes,
  ...sourceCodes,
  ...kubernetesCodes,
  ...configurationCodes,
  ...deviceCodes,
  ...workerCodes,
  ...machineCodes,
} as const;

export type Code = keyof typeof catalogue;
