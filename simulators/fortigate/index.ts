export { CmdbFault } from './fault.ts';
export type { InterfaceGiven } from './factory.ts';
export type { Fault, Where } from './faults.ts';
export { FortiGate, type FortiGateOptions, type Served } from './fortigate.ts';
export type { Hand } from './hand.ts';
export type { Route, Sent } from './live.ts';
export { type Model, modelOf, models } from './models.ts';
export type { Flow, Passage, SourceTranslation } from './packet.ts';
export { strict, type Switches } from './switches.ts';
