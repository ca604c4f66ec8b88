import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { InvalidReview } from '../kubernetes/admission-review.ts';
import { WorkLimitExceeded } from '../sigma/match/work-meter.ts';

/** Each status we refuse with, and what Kubernetes calls it. */
const REASONS = {
  400: 'BadRequest',
  401: 'Unauthorized',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  408: 'Timeout',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  417: 'BadRequest',
  431: 'BadRequest',
  500: 'InternalError',
  503: 'ServiceUnavailable',
} as const;

/** A request that gets no verdict. `message` is for the client, and holds no secret. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: keyof typeof REASONS;

  constructor(code: keyof typeof REASONS, message: string) {
    super(message);
    this.code = code;
  }
}

/** There was no verdict within the client's timeout, or within that of our own configuration. */
export class DeadlineExceeded extends Refusal {
  readonly budgetMs: number;

  constructor(budgetMs: number) {
    super(500, 'no verdict before the deadline');
    this.budgetMs = budgetMs;
  }
}

/** The client went away before its answer: no answer is written. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

/** What the API server reads where it gets no AdmissionReview (meta/v1). */
export interface Status {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: object;
  readonly status: 'Failure';
  readonly message: string;
  readonly reason: string;
  readonly details?: object;
  readonly code: number;
}

/**
 * The one place where an exception becomes an answer.
 *
 * | outcome                                      | HTTP     | body            | who decides   |
 * | -------------------------------------------- | -------- | --------------- | ------------- |
 * | a verdict: allowed, warned about, denied     | 200      | AdmissionReview | we do         |
 * | not an AdmissionReview v1 we can read        | 400      | Status          | failurePolicy |
 * | body that would take over 128 MiB parsed     | 400      | Status          | failurePolicy |
 * | body over 20 MiB; not JSON, by its type      | 413, 415 | Status          | failurePolicy |
 * | body that stops coming before the deadline   | 408      | Status          | failurePolicy |
 * | too many bytes or requests in flight         | 503      | Status          | failurePolicy |
 * | our own fault, or past the deadline          | 500      | Status          | failurePolicy |
 * | texts that would take too long to search     | 500      | Status          | failurePolicy |
 * | another path, another method                 | 404, 405 | Status          | failurePolicy |
 * | not the API server, where it must prove it   | 401      | Status          | failurePolicy |
 * | not HTTP we can read; too many headers       | 400, 431 | Status          | failurePolicy |
 * | no Host; an Expect that is not 100-continue  | 400, 417 | Status          | failurePolicy |
 * | CONNECT                                      | 405      | Status          | failurePolicy |
 *
 * Never 403, which reads like a denial and is none. Never 429, a redirect or Retry-After: the API server would call again
 * and again for as long as it waits.
 */
export function statusOf(error: unknown, uid?: string): Status {
  if (error instanceof InvalidReview) {
    const { path, problem } = error;
    const causes = path === '' ? [] : [{ reason: 'FieldValueInvalid', message: problem, field: path }];
    return statusWith(400, error.message, detailsOf(error.uid, causes));
  }
  if (error instanceof WorkLimitExceeded) return statusWith(500, error.message, detailsOf(uid));
  const { code, message } =
    error instanceof Refusal ? error : new Refusal(500, 'a fault of our own: the log of the webhook has it');
  return statusWith(code, message, detailsOf(uid));
}

function statusWith(code: keyof typeof REASONS, message: string, details?: object): Status {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason: REASONS[code],
    ...(details === undefined ? {} : { details }),
    code,
  };
}

/** The uid of the request, which joins the API server's log with ours. */
function detailsOf(uid: string | undefined, causes: readonly object[] = []): object | undefined {
  const named = uid !== undefined && /^[\w.:-]{1,128}$/.test(uid) ? { uid } : {};
  const details = causes.length === 0 ? named : { ...named, causes };
  return Object.keys(details).length === 0 ? undefined : details;
}

/** By Node's error code; any other is a request that cannot be read. */
const REFUSAL_OF: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: new Refusal(431, 'too many headers'),
  ERR_HTTP_REQUEST_TIMEOUT: new Refusal(408, 'the request stopped coming'),
};

/** Ends a connection that no request can be read from. Gives the code of the Status, unless the client is gone. */
export function refuseUnreadable({ code = '' }: NodeJS.ErrnoException, socket: Duplex): number | undefined {
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return undefined;
  }
  return endWith(REFUSAL_OF[code] ?? new Refusal(400, 'not an HTTP request that can be read'), socket);
}

/** Refuses a CONNECT, for which Node has no response object. Gives the code of the Status. */
export function refuseConnect(socket: Duplex): number {
  // Node removed its own listener from the connection.
  socket.on('error', () => socket.destroy());
  return endWith(new Refusal(405, 'CONNECT is not answered here'), socket);
}

function endWith(refusal: Refusal, socket: Duplex): number {
  const status = statusOf(refusal);
  const body = JSON.stringify(status);
  const head = [
    `HTTP/1.1 ${status.code} ${STATUS_CODES[status.code]}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end([...head, '', body].join('\r\n'), () => socket.destroy());
  return status.code;
}

/** Why a request is refused for its headers, wherever it goes: what Node would refuse without a Status. */
export function headersRefusal({ headers, httpVersion }: IncomingMessage): Refusal | undefined {
  const { host, expect } = headers;
  if (host === undefined && httpVersion === '1.1') return new Refusal(400, 'the Host header is missing');
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
    return new Refusal(417, 'the Expect header must be 100-continue');
  }
  return undefined;
}
