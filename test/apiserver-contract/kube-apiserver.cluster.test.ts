import { startApiServer } from '../kit/apiserver.ts';
import { apiServerContract } from './contract.ts';

apiServerContract('kube-apiserver', async () => {
  const server = await startApiServer();
  return {
    target: server.target(),
    expireHistory: () => server.expireHistory(),
    pass: () => undefined,
    stop: () => server.stop(),
  };
});
