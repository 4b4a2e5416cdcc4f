import { describe } from 'vitest';
import { FakeApiServer } from '../../../test/kit/fake-apiserver/server.ts';
import { RawApi } from '../../../test/kit/raw-api.ts';
import { statusContract } from '../../../test/kit/status-contract.ts';
import { systemClock } from '../../base/clock.ts';
import { GivenCredentials } from '../../kubernetes/given-credentials.ts';
import { HttpApiClient } from '../../kubernetes/http-api-client.ts';

describe('statuses at the fake API server', () => {
  statusContract(
    async () => {
      const api = await FakeApiServer.start();
      api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
      const credentials = new GivenCredentials({}, systemClock);
      const client = new HttpApiClient({ title: 'fake', url: new URL(api.url), isInsecure: false }, credentials);
      const admin = new RawApi({ url: api.url });
      const stop = async (): Promise<void> => {
        admin.close();
        await client.close();
        await api.stop();
      };
      return { client, admin, stop };
    },
    { evaluatesRules: false },
  );
});
