export { FortiGate, type FortiGateOptions, type Served } from './fortigate.ts';
export type { Fault, Where } from './faults.ts';
export { type Model, modelOf, models } from './models.ts';
export { strict, type Switches } from './switches.ts';
