import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseGoDuration } from '../kubernetes/go-duration.ts';
import {
  parseAdmissionReview,
  type AdmissionRequest,
  type AdmissionReview,
} from '../kubernetes/admission-review.ts';
import type { InFlightLimiter, Slot } from './in-flight-limiter.ts';
import { arrival, isBehind, readWhatArrived } from './event-loop.ts';
import { ClientGone, DeadlineExceeded } from './refusal.ts';
import { send } from './send.ts';

/**
 * Answers a request before `deadline` (ms since the epoch). `delivered` resolves once the answer is out or cannot be: with
 * false where it came too late, or where the client had hung up.
 */
export type Review = (
  request: AdmissionRequest,
  deadline: number,
  delivered: Promise<boolean>,
) => Promise<AdmissionReview>;

/** Answers a request, with a verdict or a refusal. Never rejects. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export interface AnswerOptions {
  readonly review: Review;
  /** How long the API server waits for this entry. */
  readonly timeoutMs: number;
  readonly limiter: InFlightLimiter;
  /** From the last byte of the request to the answer. */
  readonly answered: (seconds: number) => void;
  /** `uid` says which request it was, where that could be read. */
  readonly refuse: (error: unknown, request: IncomingMessage, response: ServerResponse, uid?: string) => void;
}

/** Answers one entry's requests. */
export function answerReview({ review, timeoutMs, limiter, answered, refuse }: AnswerOptions): Answer {
  // The API server asks an entry by the same URL every time.
  let known = { url: '', budgetMs: 0 };
  return async function answer(request, response) {
    const arrivedAt = arrival();
    const { url = '' } = request;
    if (url !== known.url) known = { url, budgetMs: budgetOf(url, timeoutMs) };
    const { budgetMs } = known;
    const deadline = Date.now() + budgetMs - (performance.now() - arrivedAt);
    const delivered = Promise.withResolvers<boolean>();
    response.once('close', () => delivered.resolve(response.writableFinished));
    let slot: Slot | undefined;
    let uid: string | undefined;
    try {
      slot = limiter.acquire(request.headers);
      let read = 0;
      const asked = await slot.receive(
        request,
        Math.max(0, budgetMs - (performance.now() - arrivedAt)),
        (body) => {
          read = performance.now();
          uid = uidIn(body);
          return parseAdmissionReview(body);
        },
      );
      const verdict = await within(budgetMs, arrivedAt, () => review(asked, deadline, delivered.promise));
      if (isBehind()) await readWhatArrived();
      if (!request.socket.writable) throw new ClientGone();
      send(response, 200, 'application/json', JSON.stringify(verdict));
      answered((performance.now() - read) / 1000);
    } catch (error) {
      delivered.resolve(false);
      refuse(error, request, response, uid);
    } finally {
      slot?.release();
    }
  };
}

/** The rest of the time is for the network: an answer after the API server's timeout is worth nothing. */
const SHARE_OF_TIMEOUT = 0.8;

/**
 * How long we have for a request, by the `?timeout=` that the API server appends. A client that claims to wait for longer than
 * our own configuration has the API server wait, would keep its body and what it becomes in our memory for as long.
 */
export function budgetOf(url: string, timeoutMs: number): number {
  const claimedMs = parseGoDuration(queryOf(url).get('timeout') ?? '') ?? 0;
  return SHARE_OF_TIMEOUT * (claimedMs > 0 ? Math.min(claimedMs, timeoutMs) : timeoutMs);
}

/** Of a request's URL, which has no host. */
export function queryOf(url: string): URLSearchParams {
  const start = url.indexOf('?');
  return new URLSearchParams(start < 0 ? '' : url.slice(start));
}

/** The API server writes the uid before everything that can be long. */
const ENVELOPE_BYTES = 512;

/** The uid of a review that cannot be parsed or evaluated. */
function uidIn(body: Buffer): string | undefined {
  const envelope = body.toString('latin1', 0, ENVELOPE_BYTES);
  return /"request":\s*\{\s*"uid":\s*"([^"\\]+)"/.exec(envelope)?.[1];
}

/** Gives what `work` gives within the budget that began at `arrivedAt`. A later result, or error, is ignored. */
async function within<T>(budgetMs: number, arrivedAt: number, work: () => Promise<T>): Promise<T> {
  const end = arrivedAt + budgetMs;
  const late = Promise.withResolvers<never>();
  const exceeded = () => new DeadlineExceeded(budgetMs);
  const timer = setTimeout(() => late.reject(exceeded()), Math.max(0, end - performance.now()));
  try {
    const result = await Promise.race([work(), late.promise]);
    // Work that never let go of the processor is late before the timer is.
    if (performance.now() > end) throw exceeded();
    return result;
  } finally {
    clearTimeout(timer);
  }
}
