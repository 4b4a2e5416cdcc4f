/**
 * Addresses, prefixes and ports: strict to read, exact to compute with. Needs no cluster and no firewall.
 * @module sallyport/ip
 */
export {
  type Address,
  type Family,
  type Ipv4,
  type Ipv6,
  compareAddresses,
  formatAddress,
  ipv4Address,
  ipv6Address,
  parseAddress,
} from './address.ts';
export { type Prefix, type PrefixOptions, comparePrefixes, formatPrefix, parsePrefix, prefixOf } from './prefix.ts';
export { PrefixSet } from './prefix-set.ts';
export { PortSet, parsePortRange } from './port-set.ts';
export { aggregate, subtract } from './aggregate.ts';
