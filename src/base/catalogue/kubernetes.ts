import type { Codes } from './entry.ts';

/** Codes of Kubernetes API servers: what a request came to. */
export const kubernetesCodes = {
  API_UNREACHABLE: {
    blame: 'transient',
    what: 'The Kubernetes API server does not answer: no connection, no valid certificate, or no answer in time.',
    now: 'It is tried again; what was read before stays as it was, and firewalls keep what they hold.',
    fix: 'Check the address, the network and the certificates that the message names.',
  },
  API_BUSY: {
    blame: 'transient',
    what: 'The Kubernetes API server asks to come back later (429 or 503).',
    now: 'It is tried again after the time that the server gave.',
    fix: 'Nothing, if it passes. Else look at the priority and fairness of the API server.',
  },
  API_FAILED: {
    blame: 'transient',
    what: 'The Kubernetes API server failed (5xx), or answered what is no answer of an API server.',
    now: 'It is tried again; what was read before stays as it was.',
    fix: 'Look at the log of the API server, and at what stands between it and Sallyport.',
  },
  API_UNAUTHORIZED: {
    blame: 'rejected',
    what: 'The Kubernetes API server does not know who asks (401).',
    now: 'Credentials are read again and it is tried again.',
    fix: 'Renew the token or certificate.',
  },
  API_FORBIDDEN: {
    blame: 'rejected',
    what: 'The Kubernetes API server does not allow this request (403).',
    now: 'What needs it does not go on; it is tried again, in case the right is given.',
    fix: 'Give the right that the message names; `sallyport doctor` lists all that are missing.',
  },
  API_NOT_FOUND: {
    blame: 'rejected',
    what: 'The Kubernetes API server has no such object or kind (404).',
    now: 'What is not there counts as not there.',
    fix: 'Create the object or the CRD that the message names, if it should be there.',
  },
  API_CONFLICT: {
    blame: 'conflict',
    what: 'Somebody else changed the object at the same time, or owns a field of it (409).',
    now: 'The object is read again, and it is tried again.',
    fix: 'Nothing, if it passes. Else find who else writes the field that the message names.',
  },
  API_EXPIRED: {
    blame: 'conflict',
    what: 'The version that was asked for is too old for the Kubernetes API server (410).',
    now: 'The list is read again from the start; what was read before stays until it is whole.',
    fix: 'Nothing.',
  },
  API_REFUSED: {
    blame: 'rejected',
    what: 'The Kubernetes API server, or an admission webhook, refuses the request as it is (400, 422 and the like).',
    now: 'It is not sent again as it is.',
    fix: 'The message is the server’s; change what it names.',
  },
  API_ANSWER_TOO_LARGE: {
    blame: 'rejected',
    what: 'An answer of the Kubernetes API server is larger than a single object or short list can be, or unpacks to far more than its size.',
    now: 'It is not read; what was read before stays as it was.',
    fix: 'See what stands between the API server and Sallyport; if the answer is meant, please report it with the path that the message names.',
  },
  API_CREDENTIALS: {
    blame: 'rejected',
    what: 'What Sallyport should show to the Kubernetes API server cannot be had: a file of the credentials, or the plugin that makes them.',
    now: 'No request is sent; it is tried again, and firewalls keep what they hold.',
    fix: 'Mend the file or the plugin that the message names.',
  },
  KUBECONFIG_INVALID: {
    blame: 'input',
    what: 'A kubeconfig cannot be read, or what it says of the cluster, user or context cannot be used; or, in a cluster, the pod has no service account.',
    now: 'Nothing is asked of that cluster.',
    fix: 'Mend what the message names; `kubectl --kubeconfig FILE --context NAME version` has to work with the same file.',
  },
} as const satisfies Codes;
