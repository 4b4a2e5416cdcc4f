import type { Accounts } from './accounts.ts';
import { type Answer, readJson, Refusal, type Request } from './request.ts';

/** Answers the two ways for people to log in, and out (reference 1.1); `undefined`: this is another path. */
export function answerLogin(accounts: Accounts, request: Request, port: string): Answer | undefined {
  const path = request.path.join('/');
  if (path === 'logincheck' && request.method === 'POST') return byForm(accounts, request, port);
  if (path === 'logout') {
    accounts.logOut(request);
    return { status: 200, body: '' };
  }
  if (path !== 'api/v2/authentication') return undefined;
  if (request.method === 'DELETE') {
    accounts.logOut(request);
    return { status: 200, body: { status_code: 5, status_message: 'LOGOUT_SUCCESS' } };
  }
  if (request.method !== 'POST') throw new Refusal(405, 'log in by POST');
  const body = readJson(request);
  const [name, password] = [body['username'], body['secretkey'] ?? body['password']];
  const made =
    typeof name === 'string' && typeof password === 'string' && accounts.logIn(name, password, request.address);
  if (made === undefined || made === false)
    return { status: 401, body: { status_code: -1, status_message: 'LOGIN_FAILED' } };
  return {
    status: 200,
    body: {
      status_code: 5,
      status_message: 'LOGIN_SUCCESS',
      ...(body['request_key'] === true ? { session_key: made.key } : {}),
    },
    headers: { 'set-cookie': cookies(made, port) },
  };
}

function byForm(accounts: Accounts, request: Request, port: string): Answer {
  const form = new URLSearchParams(request.body);
  const made = accounts.logIn(form.get('username') ?? '', form.get('secretkey') ?? '', request.address);
  if (made === undefined)
    return { status: 200, body: '0', headers: { 'set-cookie': [`ccsrf_token_${port}="0%260"; path=/`] } };
  return {
    status: 200,
    body: '1document.location="/prompt?viewOnly&redir=%2F";',
    headers: { 'set-cookie': cookies(made, port) },
  };
}

const cookies = ({ key, csrf }: { readonly key: string; readonly csrf: string }, port: string): readonly string[] => [
  `session_key_${port}="${key}"; path=/; HttpOnly`,
  `ccsrf_token_${port}="${csrf}"; path=/`,
];
