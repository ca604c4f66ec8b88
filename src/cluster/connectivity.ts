import type { ProbeOutcome } from '../registration/probe-outcome.ts';
import { dial, DialError } from './dial.ts';
import type { ApiServer } from './api-server.ts';
import { readOwnService } from './own-service.ts';
import { sendProbe } from './probe.ts';
import { repeat } from './repeat.ts';

/** Whether the API server reaches a replica, as far as is known. */
export interface Connectivity {
  /** The API server called a replica, trusted its certificate and understood its answer. */
  confirmed(): boolean;
  current(): ConnectivityState | undefined;
  stop(): void;
}

export interface ConnectivityState {
  readonly probe: ProbeOutcome;
  /** Why our own dial of the Service, with the CA that the API server holds, failed; undefined where it succeeded. */
  readonly dial?: string;
  /** The Service's port, which a firewall must let through. */
  readonly port?: number;
}

export interface ProbeLoopOptions {
  readonly api: ApiServer;
  readonly service: { readonly namespace: string; readonly name: string };
  /** The CA that the API server's configuration holds (PEM), as last seen; undefined while there is none. */
  readonly registered: () => string | undefined;
  readonly everyMs?: number;
  /** Called when a probe is answered for the first time. */
  readonly confirmedEveryMs?: number;
  /** Called when the outcome changed. */
  readonly onChange: (state: ConnectivityState) => void;
  readonly onFailure: (error: Error) => void;
}

const EVERY_MS = 5_000;
const CONFIRMED_EVERY_MS = 60_000;
const DIAL_TIMEOUT_MS = 3_000;

/**
 * Sends a probe through the API server, and dials our own Service with the CA that the API server holds, again and again. A
 * comparison of certificates would not show that the API server trusts them, or that the network lets it through.
 */
export function probeLoop({
  api,
  service,
  registered,
  everyMs = EVERY_MS,
  confirmedEveryMs = CONFIRMED_EVERY_MS,
  onChange,
  onFailure,
}: ProbeLoopOptions): Connectivity {
  let state: ConnectivityState | undefined;
  let confirmed = false;
  let lastAt = -Infinity;

  async function look(): Promise<void> {
    const isRight = state?.probe.kind === 'answered' && state.dial === undefined;
    if (isRight && performance.now() - lastAt < confirmedEveryMs) return;
    lastAt = performance.now();
    const [answer, dialled] = await Promise.all([sendProbe(api, service.namespace), dialOwn()]);
    const before = state === undefined ? undefined : summaryOf(state);
    state = { probe: answer, ...dialled };
    confirmed ||= answer.kind === 'answered';
    if (summaryOf(state) !== before) onChange(state);
  }

  async function dialOwn(): Promise<Pick<ConnectivityState, 'dial' | 'port'>> {
    const own = await readOwnService(api, service);
    const ca = registered();
    if (ca === undefined) return { dial: 'the webhook configuration carries no CA', port: own.port };
    try {
      await dial({ ...own, ca, timeoutMs: DIAL_TIMEOUT_MS });
      return { port: own.port };
    } catch (error) {
      if (error instanceof DialError) return { dial: error.message, port: own.port };
      throw error;
    }
  }

  const stop = repeat({ everyMs, task: look, onFailure });
  return { confirmed: () => confirmed, current: () => state, stop };
}

/** Removes the nonce and the addresses, which differ each time. */
function summaryOf({ probe, dial: problem }: ConnectivityState): string {
  return JSON.stringify([probe.kind, problem]);
}
