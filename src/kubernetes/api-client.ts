/** One request to a Kubernetes API server. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** From `/api` or `/apis` on, with names already encoded (`resourcePath`). */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Of the body; `application/json` if absent. JSON is YAML, so `application/apply-patch+yaml` goes with any body. */
  readonly contentType?: string;
  /** What the answer may be; `application/json` if absent. */
  readonly accept?: string;
  /** Milliseconds until the answer is whole (`call`) or begins (`open`); absent: 15,000. */
  readonly deadlineMs?: number;
}

/** The answer of a server as it comes. */
export interface ApiStream {
  /** Media type without parameters, in lower case: `application/json`. */
  readonly contentType: string;
  /** Decompressed. Ends when the server ends; throws `SallyportError` (`API_UNREACHABLE`) when the connection breaks or stays silent too long. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/**
 * One Kubernetes API server, as one identity. Every failure is a `SallyportError` with one of the `API_…` codes; `details.status` is the
 * HTTP status where there was one, `details.retryAfterMs` what `Retry-After` asked for, and `details.reason` the `reason` of the server's Status.
 * A 401 makes it read its credentials again and try once more before it throws. No error and no log line holds a credential.
 */
export interface ApiClient {
  /** For people: the server's address and, where it came from a kubeconfig, the context. */
  readonly title: string;
  /** Sends, and reads the whole answer as JSON. Answers above a limit (64 MiB) are refused; whoever wants more uses `open`. */
  call(request: ApiRequest, signal: AbortSignal): Promise<unknown>;
  /**
   * Sends, and gives the body as it comes (lists, watches). `silenceMs`: a body that stays silent for longer is a broken connection; absent:
   * 150,000, because bookmarks come about once a minute.
   */
  open(request: ApiRequest, signal: AbortSignal, silenceMs?: number): Promise<ApiStream>;
  /**
   * The server's clock and ours, in milliseconds since the epoch, when the last answer began; the server's has whole seconds. Absent: it did
   * not answer, or does not say.
   */
  readonly clocks?: { readonly theirs: number; readonly ours: number } | undefined;
  /** Ends every request under way, and all connections. */
  close(): Promise<void>;
}
