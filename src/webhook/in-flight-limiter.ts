import type { IncomingMessage } from 'node:http';
import { mostParsedBytes, parsedBytes } from '../kubernetes/parsed-bytes.ts';
import { ClientGone, Refusal } from './refusal.ts';

/** What all requests together may take. */
export interface InFlightLimits {
  /**
   * 20 MiB. etcd takes 1.5 MiB; the API server's JSON writes `<`, `>` and `&` as six bytes; a review carries two objects
   * and an envelope: 2 × 6 × 1.5 = 18 MiB, and 2 for the rest. (A 1.3 MB pod of `<` was stored; its review was 7.8 MB.)
   */
  readonly bodyBytes: number;
  /** Bodies not parsed yet: three of the largest at once, or seven thousand ordinary ones (9 KB). */
  readonly bytesInFlight: number;
  /**
   * Bodies parsed, as `parsedBytes` estimates them. In a pod of 512 MiB Node's heap ends at 256 MiB, of which 30 are taken
   * and as many again are for what is not collected yet: 128 MiB stay, and 64 outside the heap for `bytesInFlight`. That is
   * fifteen hundred ordinary bodies (9 KB of text, 90 KB here), four of 1 MiB of nothing but `[]`, or one update of the dearest pod that can be
   * stored: 131,000 volumes `{"name":"…","emptyDir":{}}`, 12 bytes each in etcd and 400 here, twice: 105 MB.
   */
  readonly parsedBytesInFlight: number;
  /** Five API servers' worth of changes (200 each may be in flight by default): more would only make every answer late. */
  readonly requestsInFlight: number;
}

/** The room of one request. */
export interface Slot {
  /**
   * Gives what `parse` makes of the body, if it comes within `withinMs`. The body itself is let go: while the request waits
   * it takes what it takes parsed. Throws a Refusal where there is no room, and a ClientGone where the client is.
   */
  receive<Parsed>(
    request: IncomingMessage,
    withinMs: number,
    parse: (body: Buffer) => Parsed,
  ): Promise<Parsed>;
  /** Frees the room. */
  release(): void;
}

export interface InFlightLimiter {
  /** Lets a request in by its headers, or throws a Refusal. */
  acquire(headers: IncomingMessage['headers']): Slot;
}

/**
 * Lets requests in, all entries together. A request counts once its body is whole, and bytes as they arrive: a client that
 * announces 20 MiB and sends nothing takes no room from others.
 */
export function createInFlightLimiter(limits: InFlightLimits): InFlightLimiter {
  const { bodyBytes, bytesInFlight, parsedBytesInFlight, requestsInFlight } = limits;
  const taken = { requests: 0, bytes: 0, parsedBytes: 0 };
  const tooLarge = () => new Refusal(413, `the body is over ${bodyBytes} bytes`);

  function createSlot(): Slot {
    let held = { requests: 0, bytes: 0, parsedBytes: 0 };
    function hold(kind: keyof typeof taken, more: number, limit: number): void {
      if (taken[kind] + more > limit) {
        throw new Refusal(503, `too many ${kind === 'requests' ? 'requests' : 'bytes'} in flight`);
      }
      held[kind] += more;
      taken[kind] += more;
    }
    function release(kind: keyof typeof taken): void {
      taken[kind] -= held[kind];
      held[kind] = 0;
    }
    return {
      async receive(request, withinMs, parse) {
        const body = await readBody(request, withinMs, (bytes) => {
          if (held.bytes + bytes > bodyBytes) throw tooLarge();
          hold('bytes', bytes, bytesInFlight);
        });
        hold('requests', 1, requestsInFlight);
        // To walk the body costs a tenth of a review, so it is done only where the upper bound would not fit easily.
        const most = mostParsedBytes(body);
        const size = taken.parsedBytes + most <= parsedBytesInFlight / 2 ? most : parsedBytes(body);
        if (size > parsedBytesInFlight) {
          throw new Refusal(400, `the body would take more than ${parsedBytesInFlight} bytes once parsed`);
        }
        hold('parsedBytes', size, parsedBytesInFlight);
        const parsed = parse(body);
        release('bytes');
        return parsed;
      },
      release() {
        for (const kind of ['requests', 'bytes', 'parsedBytes'] as const) release(kind);
      },
    };
  }
  return {
    acquire(headers) {
      if (!/^application\/json *(;|$)/i.test(headers['content-type'] ?? '')) {
        throw new Refusal(415, 'the body must be application/json');
      }
      if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
        throw new Refusal(415, 'the body must not be compressed');
      }
      if (Number(headers['content-length'] ?? 0) > bodyBytes) throw tooLarge();
      return createSlot();
    },
  };
}

/** Gives the body, copied once if it came in parts. On every path its listeners leave the request. */
function readBody(
  request: IncomingMessage,
  withinMs: number,
  hold: (bytes: number) => void,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const timer = setTimeout(
      () => settle(() => reject(new Refusal(408, 'the body stopped coming'))),
      withinMs,
    );
    const onData = (chunk: Buffer) => {
      try {
        hold(chunk.length);
        chunks.push(chunk);
      } catch (error) {
        settle(() => reject(error));
      }
    };
    const onEnd = () => settle(() => resolve(whole(chunks)));
    const onClose = () => settle(() => reject(new ClientGone()));
    function settle(how: () => void): void {
      clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('close', onClose);
      how();
    }
    request.on('data', onData).on('end', onEnd).on('close', onClose);
  });
}

function whole(chunks: readonly Buffer[]): Buffer {
  const [only] = chunks;
  return only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks);
}
