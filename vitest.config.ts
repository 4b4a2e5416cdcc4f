import { defineConfig } from 'vitest/config';

// Suites by name: `unit` runs everywhere, and so do four that are slow: `unit-long`, what takes seconds for each file; `unit-program`, the whole program in the test's process; `unit-devices`, drivers
// against simulated devices; and `processes`, tests that start the program, sleep, or look at the heap of a process; `packets`, `packets-alone` and `packets-machines` need Linux namespaces (root, or a user namespace
// made by scripts/packets.ts); `cluster` needs other real servers: Kubernetes' API server, Prometheus; `executable` makes the program as
// one file first.

/** Packet tests that look at every process and every namespace of the machine. */
const ALONE = ['test/packets/leftovers.packets.test.ts'];
/** Packet tests of firewall machines. */
const MACHINES = [
  'src/controller/machine/**/*.packets.test.ts',
  'src/machine/**/*.packets.test.ts',
  'test/**/machine/*.packets.test.ts',
];
/** Of tests that run everywhere. */
const everywhere = {
  setupFiles: ['test/kit/seed.ts'],
  isolate: false,
  // Tests make worlds and throw them away; V8's own room for what is young is for programs that keep more.
  execArgv: ['--max-semi-space-size=64'],
  // A busy machine is late; it is not wrong. The first test that loads the command line waits for all of it to be translated.
  testTimeout: 180_000,
  hookTimeout: 180_000,
  // What is waited for happens in this process, or in one that it started.
  expect: { poll: { timeout: 30_000, interval: 10 } },
};
/** Of tests that make network namespaces. */
const packets = {
  setupFiles: ['test/kit/seed.ts'],
  isolate: false,
  // Nobody waits for it where nothing hangs; a machine that stands still for seconds again and again is not wrong.
  testTimeout: 300_000,
  expect: { poll: { timeout: 30_000 } },
  hookTimeout: 180_000,
  // Namespaces share nothing; two thirds of the time a test waits, for silence or for what comes by itself.
  maxWorkers: 3,
};

export default defineConfig({
  test: {
    // More than cores: some tests wait for programs that they have started.
    maxWorkers: '150%',
    // All suites translate the same files. What is kept goes by their content, this configuration and the lock file; `--clearCache` throws it away.
    experimental: { fsModuleCache: true },
    projects: [
      {
        test: {
          ...everywhere,
          name: 'unit',
          include: ['src/**/*.test.ts', 'lab/**/*.test.ts', 'simulators/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: [
            '**/*.long.test.ts',
            '**/*.program.test.ts',
            '**/*.devices.test.ts',
            '**/*.processes.test.ts',
            '**/*.packets.test.ts',
            '**/*.cluster.test.ts',
            '**/*.executable.test.ts',
            'node_modules/**',
          ],
        },
      },
      {
        test: {
          ...everywhere,
          name: 'unit-long',
          include: ['src/**/*.long.test.ts'],
        },
      },
      {
        test: {
          ...everywhere,
          name: 'unit-program',
          include: ['src/**/*.program.test.ts', 'test/**/*.program.test.ts'],
        },
      },
      {
        test: {
          ...everywhere,
          name: 'unit-devices',
          include: ['src/**/*.devices.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          ...everywhere,
          name: 'processes',
          include: ['lab/**/*.processes.test.ts', 'src/**/*.processes.test.ts', 'test/**/*.processes.test.ts'],
        },
      },
      {
        test: {
          ...packets,
          name: 'packets',
          include: [
            'src/**/*.packets.test.ts',
            'lab/**/*.packets.test.ts',
            'simulators/**/*.packets.test.ts',
            'test/**/*.packets.test.ts',
          ],
          exclude: [...ALONE, ...MACHINES],
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: { ...packets, name: 'packets-machines', include: MACHINES, sequence: { groupOrder: 1 } },
      },
      {
        test: { ...packets, name: 'packets-alone', include: ALONE, maxWorkers: 1, sequence: { groupOrder: 2 } },
      },
      {
        test: {
          name: 'executable',
          include: ['test/**/*.executable.test.ts', 'src/**/*.executable.test.ts'],
          globalSetup: ['test/executable/build-setup.ts'],
          testTimeout: 300_000,
          expect: { poll: { timeout: 30_000 } },
        },
      },
      {
        test: {
          name: 'cluster',
          include: [
            'src/**/*.cluster.test.ts',
            'lab/**/*.cluster.test.ts',
            'simulators/**/*.cluster.test.ts',
            'test/**/*.cluster.test.ts',
          ],
          globalSetup: ['test/kit/apiserver-setup.ts'],
          setupFiles: ['test/kit/seed.ts'],
          isolate: false,
          // Most of the time they wait: for Leases that run out, for what must not happen.
          maxWorkers: 4,
          // A busy machine is late; it is not wrong. Nobody waits for it where nothing hangs.
          testTimeout: 900_000,
          expect: { poll: { timeout: 150_000 } },
          hookTimeout: 900_000,
        },
      },
    ],
  },
});
