import type { IncomingMessage } from 'node:http';
import { ClientGone, Refusal } from './refusal.ts';

/** How much is taken in. */
export interface IntakeLimits {
  /**
   * 20 MiB. etcd takes 1.5 MiB; the API server's JSON writes `<`, `>` and `&` as six bytes; a review carries two objects
   * and an envelope: 2 × 6 × 1.5 = 18 MiB, and 2 for the rest. (A 1.3 MB pod of `<` was stored; its review was 7.8 MB.)
   */
  readonly bodyBytes: number;
  /** Three of the largest bodies at once, or seven thousand ordinary ones (9 KB). Parsed, each is some times its size. */
  readonly bytesInFlight: number;
  /** Five API servers' worth of changes (200 each may be in flight by default): more would only make everybody late. */
  readonly requestsInFlight: number;
}

/** Reads the body of a request that there is room for, and holds that room until `leave` is called. */
export interface Place {
  read(request: IncomingMessage, withinMs: number): Promise<Buffer>;
  leave(): void;
}

/** Lets a request in by its headers, or throws a Refusal. */
export type Admit = (headers: IncomingMessage['headers']) => Place;

/**
 * Lets requests in, all entries together. Bytes count as they arrive, not as they are announced: who announces 20 MiB and
 * sends nothing takes no room from others.
 */
export function createIntake({ bodyBytes, bytesInFlight, requestsInFlight }: IntakeLimits): Admit {
  let bytes = 0;
  let requests = 0;
  return function admit(headers) {
    if (!/^application\/json *(;|$)/i.test(headers['content-type'] ?? '')) {
      throw new Refusal(415, 'the body must be application/json');
    }
    if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
      throw new Refusal(415, 'the body must not be compressed');
    }
    if (Number(headers['content-length'] ?? 0) > bodyBytes) throw tooLarge();
    if (requests >= requestsInFlight) throw tooMuch('requests');
    let held = 0;
    requests += 1;
    const hold = (more: number) => {
      if (held + more > bodyBytes) throw tooLarge();
      if (bytes + more > bytesInFlight) throw tooMuch('bytes');
      held += more;
      bytes += more;
    };
    return {
      read: (request, withinMs) => readBody(request, hold, withinMs),
      leave() {
        requests -= 1;
        bytes -= held;
      },
    };
  };

  function tooLarge(): Refusal {
    return new Refusal(413, `the body is over ${bodyBytes} bytes`);
  }
}

function tooMuch(what: string): Refusal {
  return new Refusal(503, `too many ${what} in flight`);
}

/** Gives the body, copied once if it came in parts. Whatever goes wrong, nothing listens to the request any more. */
function readBody(
  request: IncomingMessage,
  hold: (bytes: number) => void,
  withinMs: number,
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
