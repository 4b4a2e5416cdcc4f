import { describe, expect, test } from 'vitest';
import { STORIES, runScenario, scenariosIn } from './run.ts';
import { scenarioOf } from './text.ts';

describe('stories on a firewall in memory', () => {
  for (const scenario of scenariosIn(STORIES)) test(scenario.name, () => runScenario(scenario));
});

describe('a story that is not as told', () => {
  const tell = (...lines: readonly string[]) => runScenario(scenarioOf('bad.txt', ['# Bad.', ...lines].join('\n')));

  test.each([
    ['wait a moment', 'bad.txt:3: wait a moment\nthere is no command wait'],
    ['expect miracles', 'bad.txt:3: expect miracles\nnobody can expect miracles'],
    ['apply nothing.yaml', 'bad.txt:3: apply nothing.yaml\nthe story has no file nothing.yaml'],
    ['settle', undefined],
    ['expect source complete', 'bad.txt:3: expect source complete\nno controller ran yet; `settle` starts it'],
    [
      'expect flow here -> there passes',
      'bad.txt:3: expect flow here -> there passes\n"here -> there passes" is no flow',
    ],
    ['expect', 'bad.txt:3: expect\nnobody can expect '],
    ['label pod shop/nobody a=b', 'bad.txt:3: label pod shop/nobody a=b\nno file of the folder holds pod/shop/nobody'],
  ])('%s', async (line, error) => {
    const told = tell('use cluster.yaml', line);
    if (error === undefined) await told;
    else await expect(told).rejects.toThrow(error);
  });

  test('an expectation that is not met tells what was seen', async () => {
    const told = tell(
      'use cluster.yaml edge.yaml',
      'pod shop/web-1 10.1.0.1',
      'settle',
      'expect flow shop/web-1 -> 192.0.2.9:80/TCP dropped',
    );
    await expect(told).rejects.toThrow(
      'bad.txt:5: expect flow shop/web-1 -> 192.0.2.9:80/TCP dropped\nseen: passes from 10.1.0.1 by unselected',
    );
  });
});
