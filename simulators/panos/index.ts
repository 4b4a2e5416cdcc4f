export type { AccountOptions, Right } from './accounts.ts';
export type { DeviceOptions } from './device.ts';
export type { Fault, Faults, Matches } from './faults.ts';
export { PanOs, type PanOsOptions } from './firewall.ts';
export { type Capacity, models } from './models.ts';
export type { Quirks } from './quirks.ts';
export type { ListenOptions, Tls } from './server.ts';
