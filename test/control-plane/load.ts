import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { ApiOptions } from './api-client.ts';
import type { ControlPlane } from './control-plane.ts';
import { startBareHandler } from './bare-handler.ts';
import { eventually } from '../lib/eventually.ts';

/** What one worker sends again and again. */
interface LoadRequest extends ApiOptions {
  readonly method?: string;
  readonly path: string;
}

export interface LoadOptions {
  /** Sent in turn. */
  readonly requests: readonly LoadRequest[];
  readonly perSecond?: number;
  /** So many may be under way at once; a server that is late is not sent more. */
  readonly workers?: number;
}

/** What became of it. */
interface LoadOutcome {
  /** How often each was answered: the status, and of an error's message what is the same each time. */
  readonly answers: Readonly<Record<string, number>>;
  /**
   * Requests that an API server let through because a webhook could not be asked, and why: by its audit log and its own. Those
   * that only ran into their deadline, while a handler that does nothing was as late, say nothing of a webhook: they are
   * told of on standard error, and left out.
   */
  readonly failedOpen: readonly string[];
}

/** Load on an API server, until it is stopped. */
export interface Load {
  /** So many were answered so far. */
  answered(): number;
  /** Resolves when the last answer is in and the audit log was read. */
  stop(): Promise<LoadOutcome>;
}

/** Half of what the API server waits for `observe`. */
const STARVED_MS = 500;
const DEADLINE = /context deadline exceeded|Client\.Timeout/;
const FAILED_OPEN = 'failed-open.validating.webhook.admission.k8s.io/';

/** Some workers over connections that are kept, at one rate together. */
export function startLoad(
  controlPlane: ControlPlane,
  { requests, perSecond = 100, workers = 20 }: LoadOptions,
): Load {
  const auditedFrom = controlPlane.auditLogSize();
  const loggedFrom = apiServerLog(controlPlane).length;
  const begun = performance.now();
  const answers: Record<string, number> = {};
  let sent = 0;
  let answered = 0;
  const stopping = new AbortController();

  async function work(): Promise<void> {
    while (!stopping.signal.aborted) {
      const turn = sent++;
      const early = begun + (1000 * turn) / perSecond - performance.now();
      if (early > 0) await wait(early);
      const answer = await ask(requests[turn % requests.length] as LoadRequest);
      answers[answer] = (answers[answer] ?? 0) + 1;
      answered += 1;
    }
  }

  async function ask({ method = 'POST', path, ...options }: LoadRequest): Promise<string> {
    try {
      const { status, body } = await controlPlane.api(method, path, options);
      return status < 300 ? String(status) : `${status} ${shortened(String(body['message']))}`;
    } catch (error) {
      return `no answer: ${(error as Error).message}`;
    }
  }

  const bare = startBareHandler();
  const working = Array.from({ length: workers }, work);
  return {
    answered: () => answered,
    async stop() {
      stopping.abort();
      await Promise.all(working);
      await everythingLogged(controlPlane);
      const bareMs = await (await bare).stop();
      const unasked = controlPlane.auditEvents(auditedFrom).flatMap(({ annotations = {}, objectRef, user }) =>
        Object.entries(annotations)
          .filter(([key]) => key.startsWith(FAILED_OPEN))
          .map(([, entry]) => `${entry}: ${objectRef?.resource} ${objectRef?.name} by ${user?.username}`),
      );
      const why = whyUnasked(controlPlane, loggedFrom);
      const isStarved = bareMs > STARVED_MS && why.length > 0 && why.every((line) => DEADLINE.test(line));
      if (!isStarved) return { answers, failedOpen: [...unasked, ...why] };
      const took = `a handler that does nothing took up to ${Math.round(bareMs)} ms`;
      process.stderr.write(`starved: ${unasked.length} requests ran into their deadline, while ${took}\n`);
      return { answers, failedOpen: [] };
    },
  };
}

function apiServerLog({ directory }: ControlPlane): string {
  return readFileSync(join(directory, 'kube-apiserver.log'), 'utf8');
}

function whyUnasked(controlPlane: ControlPlane, from: number): readonly string[] {
  return apiServerLog(controlPlane)
    .slice(from)
    .split('\n')
    .filter((line) => line.includes('failing open'));
}

/** What was answered is logged a moment later, in order but for requests that were under way together. */
async function everythingLogged({ api, auditEvents, auditLogSize }: ControlPlane): Promise<void> {
  const from = auditLogSize();
  const { auditId } = await api('GET', '/api/v1/namespaces/default');
  await eventually('the last request is logged', () =>
    auditEvents(from).some(({ auditID }) => auditID === auditId),
  );
}

/** A denial says of which object it is. */
function shortened(message: string): string {
  return message.replace(/ denied the request: .*/s, ' denied the request');
}
