import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { parsedBytes } from '../../src/kubernetes/parsed-bytes.ts';
import {
  createInFlightLimiter,
  type InFlightLimiter,
  type InFlightLimits,
  type Slot,
} from '../../src/webhook/in-flight-limiter.ts';
import { ClientGone, Refusal } from '../../src/webhook/refusal.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const LONG = 60_000;
const TOO_MANY_BYTES = new Refusal(503, 'too many bytes in flight');

function limiterOf(limits: Partial<InFlightLimits> = {}): InFlightLimiter {
  return createInFlightLimiter({
    bodyBytes: 100,
    bytesInFlight: 150,
    parsedBytesInFlight: 1_000_000,
    requestsInFlight: 10,
    ...limits,
  });
}

/** A request whose body a test writes. */
const incoming = () => new PassThrough() as PassThrough & IncomingMessage;

/** A request with its whole body. */
function withBody(...parts: readonly string[]) {
  const request = incoming();
  for (const part of parts) request.write(part);
  request.end();
  return request;
}

const receive = (slot: Slot, ...parts: readonly string[]) => slot.receive(withBody(...parts), LONG, String);
const spaces = (bytes: number) => ' '.repeat(bytes);

/** A slot that holds `bytes` of a body that still comes. */
async function holding(limiter: InFlightLimiter, bytes: number) {
  const [slot, request] = [limiter.acquire(JSON_TYPE), incoming()];
  const parsed = slot.receive(request, LONG, String);
  request.write(spaces(bytes));
  await turn();
  return { slot, request, parsed };
}

describe('the headers of a request', () => {
  it.each([
    'application/json',
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json ;a=b',
  ])('let it in as %s', async (type) => {
    const slot = limiterOf().acquire({ 'content-type': type, 'content-encoding': 'identity' });
    expect(await receive(slot, '{}')).toBe('{}');
  });

  it.each([
    ['no type', {}, new Refusal(415, 'the body must be application/json')],
    [
      'another type',
      { 'content-type': 'application/json5' },
      new Refusal(415, 'the body must be application/json'),
    ],
    [
      'compression',
      { ...JSON_TYPE, 'content-encoding': 'gzip' },
      new Refusal(415, 'the body must not be compressed'),
    ],
    [
      'too large a body',
      { ...JSON_TYPE, 'content-length': '101' },
      new Refusal(413, 'the body is over 100 bytes'),
    ],
  ])('refuse it for %s', (_what, headers, refusal) => {
    expect(() => limiterOf().acquire(headers)).toThrow(refusal);
  });

  it('take no room for the bytes they announce', async () => {
    const limiter = limiterOf();
    for (let slot = 0; slot < 5; slot += 1) limiter.acquire({ ...JSON_TYPE, 'content-length': '100' });
    expect(await receive(limiter.acquire(JSON_TYPE), spaces(100))).toBe(spaces(100));
  });
});

describe('a body', () => {
  it('is every byte, in however many parts it comes', async () => {
    const limiter = limiterOf();
    expect(await receive(limiter.acquire(JSON_TYPE), '{"a', '":"\u{1f512}', '"}')).toBe('{"a":"\u{1f512}"}');
    expect(await receive(limiter.acquire(JSON_TYPE))).toBe('');
  });

  it('over the limit is refused with the byte that is too many', async () => {
    const slot = limiterOf().acquire(JSON_TYPE);
    await expect(receive(slot, spaces(60), spaces(41))).rejects.toEqual(
      new Refusal(413, 'the body is over 100 bytes'),
    );
  });

  it('that stops coming is refused at the deadline', async () => {
    const request = incoming();
    request.write('{');
    await expect(limiterOf().acquire(JSON_TYPE).receive(request, 1, String)).rejects.toEqual(
      new Refusal(408, 'the body stopped coming'),
    );
  });

  it('whose client goes away is not refused: no client waits for the answer', async () => {
    const { request, parsed } = await holding(limiterOf(), 10);
    request.destroy();
    await expect(parsed).rejects.toBeInstanceOf(ClientGone);
  });

  it('that would take more than all requests may once parsed is never parsed', async () => {
    const slot = limiterOf({ parsedBytesInFlight: 100 }).acquire(JSON_TYPE);
    const parse = () => {
      throw new Error('it was parsed');
    };
    await expect(slot.receive(withBody('[[],[],[],[]]'), LONG, parse)).rejects.toEqual(
      new Refusal(400, 'the body would take more than 100 bytes once parsed'),
    );
  });

  it.each<[string, (request: PassThrough) => void, string]>([
    ['whole', (request) => request.end(), '          '],
    ['too large', (request) => request.write(spaces(200)), 'the body is over 100 bytes'],
    ['broken off', (request) => request.destroy(), ''],
  ])('leaves no listener on its request once it is %s', async (_how, end, result) => {
    const untouched = incoming();
    const { request, parsed } = await holding(limiterOf(), 10);
    end(request);
    expect(await parsed.catch((error: Error) => error.message)).toBe(result);
    for (const event of ['data', 'end', 'close']) {
      expect(request.listenerCount(event)).toBe(untouched.listenerCount(event));
    }
  });
});

describe('requests in flight', () => {
  it('are counted from the end of their bodies to their release', async () => {
    const limiter = limiterOf({ requestsInFlight: 1 });
    const { slot: coming, request, parsed } = await holding(limiter, 10);
    const first = limiter.acquire(JSON_TYPE);
    await receive(first, '{}');
    request.end();
    await expect(parsed).rejects.toEqual(new Refusal(503, 'too many requests in flight'));
    coming.release();
    first.release();
    expect(await receive(limiter.acquire(JSON_TYPE), '{}')).toBe('{}');
  });
});

describe('bytes in flight', () => {
  it('are counted as they come, until the body is parsed', async () => {
    const limiter = limiterOf();
    const { request, parsed } = await holding(limiter, 100);
    const refused = limiter.acquire(JSON_TYPE);
    await expect(receive(refused, spaces(51))).rejects.toEqual(TOO_MANY_BYTES);
    refused.release();
    const fits = limiter.acquire(JSON_TYPE);
    expect(await receive(fits, spaces(50))).toBe(spaces(50));
    request.end();
    await parsed;
    const next = await holding(limiter, 100);
    expect(await receive(limiter.acquire(JSON_TYPE), spaces(50))).toBe(spaces(50));
    next.request.end();
    expect(await next.parsed).toBe(spaces(100));
  });
});

describe('parsed bytes in flight', () => {
  it('are counted until the release of the request', async () => {
    const body = '[[],[],[]]';
    const limiter = limiterOf({ parsedBytesInFlight: parsedBytes(Buffer.from(body)) });
    const first = limiter.acquire(JSON_TYPE);
    await receive(first, body);
    const second = limiter.acquire(JSON_TYPE);
    await expect(receive(second, body)).rejects.toEqual(TOO_MANY_BYTES);
    second.release();
    first.release();
    expect(await receive(limiter.acquire(JSON_TYPE), body)).toBe(body);
  });
});

describe('a release gives all room back', () => {
  const body = spaces(100);
  const noRoomToSpare = {
    requestsInFlight: 1,
    bytesInFlight: 100,
    parsedBytesInFlight: parsedBytes(Buffer.from(body)),
  };
  const NOT_JSON = new Error('not JSON');

  it.each<[string, (slot: Slot) => Promise<unknown>]>([
    ['an answer', (slot) => receive(slot, body)],
    ['a body that is too large', (slot) => receive(slot, body, ' ')],
    [
      'a body that cannot be parsed',
      (slot) =>
        slot.receive(withBody(body), LONG, () => {
          throw NOT_JSON;
        }),
    ],
    ['a body that would take too much parsed', (slot) => receive(slot, `[${'[],'.repeat(32)}[]]`)],
    [
      'a body that stops coming',
      (slot) => {
        const request = incoming();
        request.write(body);
        return slot.receive(request, 1, String);
      },
    ],
    [
      'a client that goes away',
      (slot) => {
        const request = incoming();
        request.write(body);
        request.once('data', () => request.destroy());
        return slot.receive(request, LONG, String);
      },
    ],
  ])('after %s', async (_what, use) => {
    const limiter = limiterOf(noRoomToSpare);
    const slot = limiter.acquire(JSON_TYPE);
    await use(slot).catch(() => {});
    slot.release();
    slot.release();
    const next = limiter.acquire(JSON_TYPE);
    expect(await receive(next, body)).toBe(body);
    await expect(receive(limiter.acquire(JSON_TYPE), body)).rejects.toBeInstanceOf(Refusal);
  });
});
