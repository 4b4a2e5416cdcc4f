/** A program that proves two lists, one of them wrong, and prints what it was told: to be run as a built command is. */
import process from 'node:process';
import { PortSet } from '../../src/ip/port-set.ts';
import { proveFlat } from '../../src/firewalls/flat/prove-flat.ts';
import type { FlatList } from '../../src/plan/flat/flat-list.ts';
import { classLayout } from '../../src/plan/flat/flatten.ts';
import { smallRuleset } from './small-ruleset.ts';

const ruleset = smallRuleset({ policies: { web: [{ protocol: 6, port: 443 }] }, members: { '10.0.0.1': 'web' } });
const { list } = classLayout(ruleset, {
  form: 'Full',
  capabilities: { leave: false, domains: false, log: false },
});
const wrong: FlatList = {
  ...list,
  rules: list.rules.map((rule) => ({
    ...rule,
    services: rule.services.map((service) => ({ ...service, ports: PortSet.of(80) })),
  })),
};
const limits = { timeoutMs: 60_000, signal: new AbortController().signal };
for (const each of [list, wrong]) process.stdout.write(`${(await proveFlat({ ruleset, list: each }, limits)).kind}\n`);
