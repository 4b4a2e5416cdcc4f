import type { Access, Attempt } from './access.ts';
import type { KindCall, User } from './call.ts';
import { bodyObject } from './decoding.ts';
import { type KubeObject, isMap } from './object.ts';
import { type Reply, json } from './reply.ts';
import { methodNotAllowed } from './status.ts';
import type { Store } from './store.ts';

type Fields = Readonly<Record<string, unknown>>;
const fields = (value: unknown): Fields => (isMap(value) ? value : {});
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const list = (value: unknown): readonly string[] => (Array.isArray(value) ? (value as readonly string[]) : []);

const shownUser = ({ name, uid, groups, extra }: User): object => ({
  username: name,
  ...(uid === undefined ? {} : { uid }),
  groups,
  ...(extra === undefined ? {} : { extra }),
});

function attempt(user: User, spec: Fields): Attempt {
  const of = fields(spec['resourceAttributes']);
  const at = fields(spec['nonResourceAttributes']);
  return {
    user,
    verb: text(of['verb'] ?? at['verb']),
    group: text(of['group']),
    resource: text(of['resource']),
    part: text(of['subresource']),
    namespace: text(of['namespace']),
    name: text(of['name']),
    path: text(at['path']),
  };
}

/** Questions about rights: answered, never stored. */
export function review(call: KindCall, access: Access, store: Store): Reply {
  if (call.verb !== 'create') throw methodNotAllowed();
  const asked = bodyObject(call);
  const status = answerTo(asked, call, access, store);
  return json(201, { ...asked, metadata: {}, status });
}

function answerTo(asked: KubeObject, { user }: KindCall, access: Access, store: Store): object {
  const spec = fields(asked['spec']);
  const allowed = (who: User): object => {
    const yes = access.allows(attempt(who, spec), store);
    return yes ? { allowed: true, reason: 'RBAC: allowed' } : { allowed: false };
  };
  switch (asked.kind) {
    case 'TokenReview': {
      const known = access.token(text(spec['token']));
      if (known === undefined) return { user: {}, error: '[invalid bearer token, token lookup failed]' };
      return { authenticated: true, user: shownUser(known), audiences: ['https://kubernetes.default.svc'] };
    }
    case 'SelfSubjectReview':
      return { userInfo: shownUser(user) };
    case 'SelfSubjectAccessReview':
      return allowed(user);
    case 'SelfSubjectRulesReview': {
      const rules = access.rules(user, text(spec['namespace']), store);
      return {
        resourceRules: rules.filter(({ nonResourceURLs }) => nonResourceURLs === undefined),
        nonResourceRules: rules.flatMap(({ verbs, nonResourceURLs }) =>
          nonResourceURLs === undefined ? [] : [{ verbs, nonResourceURLs }],
        ),
        incomplete: false,
      };
    }
    default:
      return allowed({ name: text(spec['user']), groups: list(spec['groups']) });
  }
}
