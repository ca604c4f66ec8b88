import { isDeepStrictEqual } from 'node:util';
import type { ProbeOutcome } from '../registration/probe-outcome.ts';
import { dial, DialError } from './dial.ts';
import { ApiError, type ApiServer } from './api-server.ts';
import { readOwnService, type OwnService } from './own-service.ts';
import { sendProbe } from './probe.ts';
import { repeat } from './repeat.ts';

/** Whether the API server reaches a replica, as far as is known. */
export interface Connectivity {
  /** The API server called a replica, trusted its certificate and understood its answer. */
  confirmed(): boolean;
  /** As last looked at; undefined before that. */
  current(): ConnectivityState | undefined;
  stop(): void;
}

export interface ConnectivityState {
  readonly probe: ProbeOutcome;
  /** Our own dials of the Service, for each entry by what that one trusts, `guard` first; absent where the entries were not read. */
  readonly dials?: readonly Dialled[];
  /** The Service's port, which a firewall must let through. */
  readonly port?: number;
  /** When this was looked at, by `performance.now()`. */
  readonly atMs: number;
}

interface Dialled {
  readonly entry: string;
  /** Why the dial failed; absent where it succeeded. */
  readonly problem?: string;
}

/** What an entry of the webhook configuration trusts (PEM; empty where it says nothing). */
export interface RegisteredAuthority {
  /** `guard` */
  readonly entry: string;
  readonly caBundle: string;
}

export interface ProbeLoopOptions {
  readonly api: ApiServer;
  readonly service: { readonly namespace: string; readonly name: string };
  /** Our entries, as last read; undefined while they were not. */
  readonly registered: () => readonly RegisteredAuthority[] | undefined;
  readonly everyMs?: number;
  /** How often it is looked at while all is right. */
  readonly confirmedEveryMs?: number;
  /** Called when the outcome changed. */
  readonly onChange: (state: ConnectivityState, before: ConnectivityState | undefined) => void;
  readonly onFailure: (error: Error) => void;
}

const EVERY_MS = 5_000;
/** How often it is looked at while all is right. */
export const CONFIRMED_EVERY_MS = 60_000;
const DIAL_TIMEOUT_MS = 3_000;

/**
 * Sends a probe through the API server, and dials our own Service with the CA of each entry, again and again. A comparison of
 * certificates would not show that the API server trusts them, or that the network lets it through; a probe shows it of the
 * entry `probe` alone.
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
  let dialled: readonly RegisteredAuthority[] | undefined;
  let confirmed = false;
  let lastMs = -Infinity;

  async function look(): Promise<void> {
    const authorities = registered()?.toSorted(guardFirst);
    const atMs = performance.now();
    const isKnown = isRight(state) && isDeepStrictEqual(authorities, dialled);
    if (isKnown && atMs - lastMs < confirmedEveryMs) return;
    [lastMs, dialled] = [atMs, authorities];
    const [probe, dials] = await Promise.all([sendProbe(api, service.namespace), dialOwn(authorities)]);
    const before = state;
    state = { probe, ...dials, atMs };
    confirmed ||= probe.kind === 'answered';
    if (before === undefined || summaryOf(state) !== summaryOf(before)) onChange(state, before);
  }

  async function dialOwn(authorities: readonly RegisteredAuthority[] | undefined) {
    if (authorities === undefined) return {};
    try {
      const own = await readOwnService(api, service);
      return { dials: await dialForEach(authorities, own), port: own.port };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const problem = `our Service cannot be read: ${error.message}`;
      return { dials: authorities.map(({ entry }) => ({ entry, problem })) };
    }
  }

  const stop = repeat({ everyMs, task: look, onFailure });
  return { confirmed: () => confirmed, current: () => state, stop };
}

/** A probe came back, and every entry was read and trusts what our Service shows. */
export function isRight(state: ConnectivityState | undefined): boolean {
  return (
    state?.probe.kind === 'answered' && state.dials?.every(({ problem }) => problem === undefined) === true
  );
}

/** Entries that trust the same share a dial. */
async function dialForEach(
  authorities: readonly RegisteredAuthority[],
  own: OwnService,
): Promise<readonly Dialled[]> {
  const bundles = [...new Set(authorities.map(({ caBundle }) => caBundle))];
  const problems = new Map(
    await Promise.all(bundles.map(async (ca) => [ca, await problemOfDial(own, ca)] as const)),
  );
  return authorities.map(({ entry, caBundle }) => {
    const problem = problems.get(caBundle);
    return problem === undefined ? { entry } : { entry, problem };
  });
}

async function problemOfDial(own: OwnService, ca: string): Promise<string | undefined> {
  if (ca === '') return 'it carries no CA';
  try {
    await dial({ ...own, ca, timeoutMs: DIAL_TIMEOUT_MS });
    return undefined;
  } catch (error) {
    if (error instanceof DialError) return error.message;
    throw error;
  }
}

/** Requests to `guard` are refused where it is not trusted. */
function guardFirst(one: RegisteredAuthority, other: RegisteredAuthority): number {
  return Number(other.entry === 'guard') - Number(one.entry === 'guard');
}

/** Without the nonce and the addresses, which differ each time. */
function summaryOf({ probe, dials }: ConnectivityState): string {
  return JSON.stringify([probe.kind, dials]);
}
