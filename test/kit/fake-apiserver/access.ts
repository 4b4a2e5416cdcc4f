import type { IncomingHttpHeaders } from 'node:http';
import type { Call, User } from './call.ts';
import type { KubeObject } from './object.ts';
import { forbidden, Refusal, unauthorized } from './status.ts';
import type { Store } from './store.ts';

/** A rule of a Role or ClusterRole. */
export interface PolicyRule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
}

/** What somebody wants to do. */
export interface Attempt {
  readonly user: User;
  readonly verb: string;
  readonly group: string;
  /** `''`: `path` is asked for, which is no resource. */
  readonly resource: string;
  readonly part: string;
  readonly namespace: string;
  readonly name: string;
  readonly path: string;
}

/** Who everybody is as long as nobody was given a credential. */
const everybody: User = { name: 'admin', groups: ['system:masters', 'system:authenticated'] };

interface Grant {
  readonly rules: readonly PolicyRule[];
  /** `''`: in all of them. */
  readonly namespace: string;
}

interface Binding {
  readonly subjects?: readonly { readonly kind: string; readonly name: string; readonly namespace?: string }[];
  readonly roleRef?: { readonly kind: string; readonly name: string };
}

const rulesOf = (role: KubeObject | undefined): readonly PolicyRule[] =>
  (role?.['rules'] as readonly PolicyRule[] | undefined) ?? [];

/** Who is who, and who may do what. Without any token everybody is admin; without any rule everybody known may do everything. */
export class Access {
  /** Rights come from the Role and ClusterRole objects that are stored, and from `allow`. */
  rbac = false;
  readonly #tokens = new Map<string, User>();
  readonly #allowed: { readonly who: string; readonly grant: Grant }[] = [];
  #asks = false;

  /** From now on this token is that user, and a request without a credential is nobody. */
  setToken(
    token: string,
    user: { readonly name: string; readonly uid?: string; readonly groups?: readonly string[] },
  ): void {
    this.#asks = true;
    this.#tokens.set(token, { ...user, groups: [...(user.groups ?? []), 'system:authenticated'] });
  }

  /** Expired, or rotated away: 401 from now on. */
  revokeToken(token: string): void {
    this.#tokens.delete(token);
  }

  /** No anonymous requests, although there is no token: certificates are asked for. */
  askForCredentials(): void {
    this.#asks = true;
  }

  /** A user or a group (either by its name) may do this; in one namespace only, if one is given. */
  allow(who: string, rule: PolicyRule, namespace = ''): void {
    this.#allowed.push({ who, grant: { rules: [rule], namespace } });
  }

  token(token: string): User | undefined {
    return this.#tokens.get(token);
  }

  /** Who sent a request; a wrong credential is refused, and so is none where one is asked for. */
  authenticate(headers: IncomingHttpHeaders, certified?: User): User {
    const { authorization } = headers;
    if (certified !== undefined) return certified;
    if (authorization !== undefined && this.#asks) {
      const token = /^Bearer (\S+)$/i.exec(authorization)?.[1] ?? '';
      const user = this.#tokens.get(token);
      if (user === undefined) throw unauthorized();
      return user;
    }
    if (this.#asks) throw unauthorized();
    return everybody;
  }

  authorize(attempt: Attempt, store: Store): void {
    if (this.allows(attempt, store)) return;
    const { user, verb, group, resource, part, namespace, name, path } = attempt;
    const who = `User ${JSON.stringify(user.name)} cannot ${verb}`;
    if (resource === '') throw new Refusal(403, 'Forbidden', `forbidden: ${who} path ${JSON.stringify(path)}`, {});
    const what = JSON.stringify(part === '' ? resource : `${resource}/${part}`);
    const where = namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
    throw forbidden(
      { group, plural: resource },
      name,
      `${who} resource ${what} in API group ${JSON.stringify(group)} ${where}`,
    );
  }

  allows(attempt: Attempt, store: Store): boolean {
    if (!this.rbac && this.#allowed.length === 0) return true;
    if (attempt.user.groups.includes('system:masters') || ofEverybody(attempt)) return true;
    return this.#grants(attempt.user, store).some(
      ({ rules, namespace }) =>
        (namespace === '' || namespace === attempt.namespace) && rules.some((rule) => covers(rule, attempt, namespace)),
    );
  }

  /** All rules that count for a user in a namespace. */
  rules(user: User, namespace: string, store: Store): readonly PolicyRule[] {
    if ((!this.rbac && this.#allowed.length === 0) || user.groups.includes('system:masters'))
      return [
        { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
        { verbs: ['*'], nonResourceURLs: ['*'] },
      ];
    return this.#grants(user, store)
      .filter((grant) => grant.namespace === '' || grant.namespace === namespace)
      .flatMap(({ rules }) => rules);
  }

  #grants(user: User, store: Store): readonly Grant[] {
    const own = this.#allowed.filter(({ who }) => who === user.name || user.groups.includes(who));
    const grants = own.map(({ grant }) => grant);
    if (!this.rbac) return grants;
    const group = 'rbac.authorization.k8s.io';
    for (const collection of ['clusterrolebindings', 'rolebindings'])
      for (const { object, namespace } of store.table(`${collection}.${group}`).entries.values()) {
        const { subjects = [], roleRef } = object as KubeObject & Binding;
        if (roleRef === undefined || !subjects.some((subject) => isSubject(user, subject))) continue;
        const role =
          roleRef.kind === 'ClusterRole'
            ? store.get(`clusterroles.${group}`, '', roleRef.name)
            : store.get(`roles.${group}`, namespace, roleRef.name);
        grants.push({ rules: rulesOf(role?.object), namespace });
      }
    return grants;
  }
}

/** What every real server lets everybody known ask: about himself. */
const ofEverybody = ({ verb, group, resource }: Attempt): boolean =>
  verb === 'create' && /^(authentication|authorization)\.k8s\.io$/.test(group) && resource.startsWith('selfsubject');

function isSubject(
  user: User,
  { kind, name, namespace = '' }: { readonly kind: string; readonly name: string; readonly namespace?: string },
): boolean {
  if (kind === 'ServiceAccount') return user.name === `system:serviceaccount:${namespace}:${name}`;
  return kind === 'Group' ? user.groups.includes(name) : user.name === name;
}

const has = (list: readonly string[] | undefined, value: string): boolean =>
  list !== undefined && (list.includes('*') || list.includes(value));

function covers(rule: PolicyRule, { verb, group, resource, part, name, path }: Attempt, namespace: string): boolean {
  if (!has(rule.verbs, verb)) return false;
  if (resource === '') {
    const urls = rule.nonResourceURLs ?? [];
    return (
      namespace === '' && urls.some((url) => url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1))))
    );
  }
  if (!has(rule.apiGroups, group)) return false;
  const names = rule.resourceNames ?? [];
  if (names.length > 0 && !names.includes(name)) return false;
  if (part === '') return has(rule.resources, resource);
  return has(rule.resources, `${resource}/${part}`) || (rule.resources ?? []).includes(`*/${part}`);
}

/** What a call attempts. */
export const attemptOf = (call: Call, user: User): Attempt => ({
  user,
  verb: call.verb,
  group: call.group,
  resource: call.resource,
  part: call.part,
  namespace: call.namespace,
  name: call.name,
  path: call.path,
});
