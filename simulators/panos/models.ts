/** What a device can hold. The keys are those under which it tells (reference 1.10). */
export interface Capacity {
  readonly 'max-address': number;
  readonly 'max-address-group': number;
  readonly 'max-address-per-group': number;
  readonly 'max-service': number;
  readonly 'max-policy-rule': number;
  readonly 'max-nat-policy-rule': number;
  readonly 'max-registered-ip-address': number;
  readonly 'max-edl-objs': number;
  readonly 'max-zone': number;
  readonly 'max-vsys': number;
  /** Entries of external lists of addresses, all lists together; told by another command. */
  readonly 'edl-ip': number;
}

interface Model {
  readonly family: string;
  readonly capacity: Capacity;
}

const capacity = (
  address: number,
  rules: number,
  registered: number,
  { vsys = 1, lists = 50_000 }: { readonly vsys?: number; readonly lists?: number } = {},
): Capacity => ({
  'max-address': address,
  'max-address-group': Math.floor(address / 8),
  'max-address-per-group': 2500,
  'max-service': Math.floor(address / 4),
  'max-policy-rule': rules,
  'max-nat-policy-rule': Math.floor(rules / 2),
  'max-registered-ip-address': registered,
  'max-edl-objs': 30,
  'max-zone': 40,
  'max-vsys': vsys,
  'edl-ip': lists,
});

/**
 * Models by name. Only the sizes of lists are documented (7.1: 150,000 entries on the PA-5000 and PA-7000 series, 50,000 elsewhere; 30 lists); all
 * other numbers are chosen here, because a driver has to ask the device for them.
 */
export const models: Readonly<Record<string, Model>> = {
  'PA-440': { family: '400', capacity: capacity(2500, 2000, 1000) },
  'PA-VM': { family: 'vm', capacity: capacity(10_000, 10_000, 25_000) },
  'PA-3220': { family: '3200', capacity: capacity(20_000, 10_000, 50_000, { vsys: 6 }) },
  'PA-5220': { family: '5200', capacity: capacity(40_000, 20_000, 100_000, { vsys: 20, lists: 150_000 }) },
};

export const panoramaFamily = 'pc';
