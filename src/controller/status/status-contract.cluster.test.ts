import { describe } from 'vitest';
import { startApiServer } from '../../../test/kit/apiserver.ts';
import { statusContract } from '../../../test/kit/status-contract.ts';
import { silentLog } from '../../base/log.ts';
import { connectKubeconfig } from '../../kubernetes/kubeconfig.ts';

describe('statuses at the real API server', () => {
  statusContract(
    async () => {
      const server = await startApiServer();
      const { client } = await connectKubeconfig({ path: server.kubeconfig, environment: {}, log: silentLog });
      const stop = async (): Promise<void> => {
        await client.close();
        await server.stop();
      };
      return { client, admin: server.admin, stop };
    },
    { evaluatesRules: true },
  );
});
