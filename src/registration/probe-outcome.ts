import { PROBE } from './webhook-configuration.ts';

/** The outcome of a probe that was sent through the API server. */
export interface ProbeOutcome {
  readonly kind:
    | 'answered'
    /** No process listens on the port, or the network refused the connection at once. */
    | 'refused'
    | 'timed-out'
    | 'certificate'
    /** The Service is missing, or it has no ready endpoint. */
    | 'no-endpoints'
    /** The API server accepted the ConfigMap: no entry of ours refused it. */
    | 'not-registered'
    /** RBAC refused the probe: it shows nothing about the webhook. */
    | 'not-allowed'
    | 'other';
  /** The API server's message without its constant prefix. */
  readonly detail: string;
}

// As Go and the API server word it (kube-apiserver 1.36 and 1.37). The first that fits is meant: `TLS handshake timeout` is
// no certificate's fault.
const CALL_FAILURES = [
  [/no endpoints available for service|(service|endpoints) "[^"]*" not found/, 'no-endpoints'],
  [/context deadline exceeded|i\/o timeout|Client\.Timeout exceeded|handshake timeout/, 'timed-out'],
  [/connection refused|no route to host|(network|host) is unreachable/, 'refused'],
  [/first record does not look like a TLS handshake/, 'other'],
  [/x509: |tls: |root certificates/, 'certificate'],
] as const;

/** Reads what the API server answered (HTTP status and message) to a dry-run create of the probe that carried `nonce`. */
export function probeOutcome(status: number, message: string, nonce: string): ProbeOutcome {
  if (status >= 200 && status < 300) return { kind: 'not-registered', detail: 'the probe was let through' };
  const [, name, cause = ''] =
    /failed calling webhook "([^"]*)": (?:failed to call webhook: )?(.*)/s.exec(message) ?? [];
  // The failure of another webhook says nothing about ours.
  if (name === PROBE) {
    const [, kind = 'other'] = CALL_FAILURES.find(([words]) => words.test(cause)) ?? [];
    return { kind, detail: cause };
  }
  if (name !== undefined)
    return { kind: 'other', detail: `the webhook ${name}, which is not ours: ${cause}` };
  const [, denier, words = ''] =
    /admission webhook "([^"]*)" denied the request:? ?(.*)/s.exec(message) ?? [];
  if (denier === PROBE && words.includes(nonce)) return { kind: 'answered', detail: words };
  if (denier !== undefined) return { kind: 'other', detail: `${denier} denied it: ${words}` };
  // RBAC denies a request before the API server looks at the object's name.
  if (status === 409) return { kind: 'not-registered', detail: message };
  const isForbidden = status === 401 || (status === 403 && / is forbidden: User "/.test(message));
  return { kind: isForbidden ? 'not-allowed' : 'other', detail: message };
}
