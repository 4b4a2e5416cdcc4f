import { FakeApiServer } from '../kit/fake-apiserver/server.ts';
import { FakeClock } from '../kit/fake-clock.ts';
import { apiServerContract } from './contract.ts';

const NO_TOKENS = 'service accounts have no tokens: tests name users by `access.setToken`';

apiServerContract(
  'fake',
  async () => {
    const clock = new FakeClock(Date.now());
    const api = await FakeApiServer.start({ clock });
    api.access.setToken('admin', { name: 'admin', groups: ['system:masters'] });
    api.access.rbac = true;
    return {
      target: { url: api.url, token: 'admin' },
      expireHistory: () => Promise.resolve(api.compact()),
      pass: (ms) => clock.advance(ms),
      stop: () => api.stop(),
    };
  },
  {
    'a list names its kind, its items do not': 'items name their kind',
    'what is not there is a 404 with a Status: objects, resources, groups': 'unknown groups are answered by a Status',
    'a pod is told through its life: made, bound, running, gone': 'pods have no sub-resource `binding`',
    'a list says the same as its JSON': 'the protocol of a port is not defaulted',
    'what is not valid is a 422 that names every field': 'the spec of a pod is not validated',
    'schema and rules refuse with 422 and the fields': 'CEL is not evaluated',
    'what one may not do is a 403 that says who, what and where': NO_TOKENS,
    'a role gives exactly what it says, a moment after it is bound': NO_TOKENS,
    'a SubjectAccessReview answers for others, a SelfSubjectAccessReview for oneself': NO_TOKENS,
    'a TokenReview says whose token it is': NO_TOKENS,
  },
);
