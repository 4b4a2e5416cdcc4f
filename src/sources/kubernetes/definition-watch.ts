import type { Clock } from '../../base/clock.ts';
import type { Place } from '../../base/diagnostic.ts';
import type { SallyportError } from '../../base/error.ts';
import type { ApiClient } from '../../kubernetes/api-client.ts';
import { resourcePath } from '../../kubernetes/resource-path.ts';
import { DEFINITIONS, METADATA_LIST_ONLY, METADATA_ONLY } from './definitions.ts';
import { Informer } from './informer.ts';
import { JsonEncoding } from './json-encoding.ts';

const NOWHERE: Place = {};

export interface DefinitionWatchOptions {
  readonly api: ApiClient;
  readonly clock: Clock;
  readonly random: () => number;
  /** Some definition came, went or changed. */
  readonly changed: () => void;
  readonly broken: (error: SallyportError) => void;
}

/** Says when definitions of kinds (CRDs) come and go. */
export class DefinitionWatch {
  readonly #informer: Informer;
  #isFollowing = false;

  constructor({ api, clock, random, changed, broken }: DefinitionWatchOptions) {
    const isFollowing = (is: boolean): void => {
      this.#isFollowing = is;
    };
    this.#informer = new Informer({
      api,
      path: resourcePath(DEFINITIONS),
      encodings: [
        new JsonEncoding('apiextensions.k8s.io/v1', 'CustomResourceDefinition', NOWHERE, {
          list: METADATA_LIST_ONLY,
          watch: METADATA_ONLY,
        }),
      ],
      clock,
      random,
      listener: {
        listBegins() {},
        listed() {},
        listEnds: changed,
        put: changed,
        deleted: changed,
        connected: () => isFollowing(true),
        broken: (error) => {
          isFollowing(false);
          broken(error);
        },
      },
    });
  }

  /** Whether it would say so at present. */
  get isFollowing(): boolean {
    return this.#isFollowing;
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#informer.run(signal);
  }
}
