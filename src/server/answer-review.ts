import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseGoDuration } from '../go-duration.ts';
import type { AdmissionReview } from '../kubernetes/admission-review.ts';
import type { Admit, Place } from './intake.ts';
import { Refusal } from './refusal.ts';
import { send } from './send.ts';

/** Answers the body of an AdmissionReview before `deadline` (ms since the epoch). */
export type Review = (body: Buffer, deadline: number) => Promise<AdmissionReview>;

/** Answers a request, with a verdict or a refusal. Never rejects. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export interface AnswerOptions {
  readonly review: Review;
  readonly admit: Admit;
  /** From the last byte of the request to the answer. */
  readonly answered: (seconds: number) => void;
  /** `body` is for whoever must say which request it was that failed. */
  readonly refuse: (
    error: unknown,
    request: IncomingMessage,
    response: ServerResponse,
    body?: Buffer,
  ) => void;
}

/** Answers one entry's requests. */
export function answerReview({ review, admit, answered, refuse }: AnswerOptions): Answer {
  // The API server asks an entry by the same URL every time.
  let known = { url: '', budgetMs: 0 };
  return async function answer(request, response) {
    const arrival = performance.now();
    const { url = '' } = request;
    if (url !== known.url) known = { url, budgetMs: budgetOf(url) };
    const { budgetMs } = known;
    const deadline = Date.now() + budgetMs;
    let place: Place | undefined;
    let body: Buffer | undefined;
    try {
      place = admit(request.headers);
      const whole = await place.read(request, budgetMs);
      body = whole;
      const read = performance.now();
      const verdict = await within(budgetMs - (read - arrival), () => review(whole, deadline));
      send(response, 200, 'application/json', JSON.stringify(verdict));
      answered((performance.now() - read) / 1000);
    } catch (error) {
      refuse(error, request, response, body);
    } finally {
      place?.leave();
    }
  };
}

/** So long the API server waits where a configuration says nothing, and at most. */
const DEFAULT_TIMEOUT_MS = 10_000;
const MAX_TIMEOUT_MS = 30_000;
/** The rest of the time is for the way here and back: an answer nobody waits for any more is worth nothing. */
const SHARE_OF_TIMEOUT = 0.8;

/** How long we have for a request, by the `?timeout=` that the API server appends. */
export function budgetOf(url: string): number {
  const timeoutMs = parseGoDuration(queryOf(url).get('timeout') ?? '') ?? 0;
  return SHARE_OF_TIMEOUT * (timeoutMs > 0 ? Math.min(timeoutMs, MAX_TIMEOUT_MS) : DEFAULT_TIMEOUT_MS);
}

/** Of a request's URL, which has no host. */
export function queryOf(url: string): URLSearchParams {
  const start = url.indexOf('?');
  return new URLSearchParams(start < 0 ? '' : url.slice(start));
}

/** Gives what `work` gives in time. What comes later is nobody's, be it an error. */
async function within<T>(ms: number, work: () => Promise<T>): Promise<T> {
  const end = performance.now() + ms;
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new DeadlineExceeded()), ms);
  try {
    const result = await Promise.race([work(), late.promise]);
    // Work that never let go of the processor is late before the timer is.
    if (performance.now() > end) throw new DeadlineExceeded();
    return result;
  } finally {
    clearTimeout(timer);
  }
}

class DeadlineExceeded extends Refusal {
  constructor() {
    super(500, 'no verdict before the deadline');
  }
}
