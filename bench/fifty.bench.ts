/**
 * Fifty firewalls with an API kept by one process, half FortiGates, half PAN-OS, each vendor's simulators in a process of their own that answer
 * in 50 ms, at 100 changes a second, of which each concerns one firewall; and as many changes that each concern all fifty.
 */
import { smoke } from './figure.ts';
import { fortigate, panos, printRate } from './fleet.ts';

const half = smoke ? 2 : 25;
const seconds = smoke ? 1 : 60;
const world = {
  simulations: [
    { ...fortigate, count: half },
    { ...panos, count: half },
  ],
  pods: smoke ? 100 : 10_000,
  groups: smoke ? 2 : 20,
};
await printRate('fifty/by-one', { ...world, leaves: 'by one' }, seconds, smoke ? {} : { p99: 1_000, cores: 0.5 });
await printRate('fifty/by-all', { ...world, leaves: 'by all' }, seconds);
