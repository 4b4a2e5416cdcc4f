import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { access } from './access.ts';
import { applying } from './applying.ts';
import { definitions } from './definitions.ts';
import { listing } from './listing.ts';
import { protobufOfPods } from './protobuf.ts';
import { type Clause, type ServerUnderTest, Stage } from './server-under-test.ts';
import { watching } from './watching.ts';
import { writing } from './writing.ts';

const parts = {
  listing,
  watching,
  'pods as protobuf': protobufOfPods,
  writing,
  'server-side apply': applying,
  'definitions of kinds': definitions,
  access,
};

/**
 * What our code relies on from an API server. The real one keeps all of it; another names what it does not keep, by the titles of the
 * tests, each with the reason.
 */
export function apiServerContract(
  name: string,
  start: () => Promise<ServerUnderTest>,
  exemptions: Readonly<Record<string, string>> = {},
): void {
  describe(`API server contract: ${name}`, () => {
    let stage: Stage;
    beforeAll(async () => {
      stage = new Stage(await start());
    });
    afterAll(async () => {
      await stage.stop();
    });
    const titles = new Set<string>();
    const clause: Clause = (title, prove) => {
      titles.add(title);
      // An exemption that is needed no longer fails.
      (title in exemptions ? test.fails : test)(title, prove);
    };
    for (const [part, prove] of Object.entries(parts)) describe(part, () => prove(() => stage, clause));
    test('what is exempt is in the contract', () => {
      expect(Object.keys(exemptions).filter((title) => !titles.has(title))).toEqual([]);
    });
  });
}
