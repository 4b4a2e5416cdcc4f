import { describe, test } from 'vitest';
import { runScenario, scenariosIn } from '../scenario/run.ts';

// One file for each mistake that was found once: its first line says what went wrong.
describe('regressions', () => {
  for (const scenario of scenariosIn(import.meta.dirname)) test(scenario.name, () => runScenario(scenario));
});
