export { MetalApi, type Fault, type MetalApiOptions } from './metal-api.ts';
export type { Grant } from './connect.ts';
export type { AllocationNetwork, Firewall, FirewallRule, Network } from './store.ts';
