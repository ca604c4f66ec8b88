import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A handler that does nothing, in this process, which is asked all the while. */
export interface BareHandler {
  /** Resolves with the longest that it took to answer, in ms: what the machine alone costs whoever is asked. */
  stop(): Promise<number>;
}

const EVERY_MS = 50;

export async function startBareHandler(): Promise<BareHandler> {
  const server = createServer((_, response) => response.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  let longestMs = 0;
  const stopping = new AbortController();
  async function ask(): Promise<void> {
    while (!stopping.signal.aborted) {
      const due = performance.now() + EVERY_MS;
      await delay(EVERY_MS);
      await (await fetch(`http://127.0.0.1:${port}/`)).text();
      longestMs = Math.max(longestMs, performance.now() - due);
    }
  }
  const asking = ask();
  return {
    async stop() {
      stopping.abort();
      await asking;
      server.closeAllConnections();
      const closed = once(server, 'close');
      server.close();
      await closed;
      return longestMs;
    },
  };
}
