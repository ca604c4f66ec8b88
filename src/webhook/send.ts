import type { ServerResponse } from 'node:http';

/** Sends a whole answer at once: express would first look for an ETag, a charset and a fresher copy. */
export function send(response: ServerResponse, code: number, type: string, text: string): void {
  response.writeHead(code, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
}
