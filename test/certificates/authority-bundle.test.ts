import { beforeAll, describe, expect, it } from '@jest/globals';
import { createAuthority } from '../../src/certificates/authority.ts';
import { formatBundle, parseBundle } from '../../src/certificates/authority-bundle.ts';

let one: string;
let other: string;
const until = Date.parse('2027-11-24T12:00:00Z');

beforeAll(async () => {
  const now = Date.parse('2026-11-24T12:00:00Z');
  [one, other] = (await Promise.all([createAuthority({ now }), createAuthority({ now })])).map(
    ({ certificatePem }) => certificatePem.replaceAll('\r\n', '\n'),
  ) as [string, string];
});

describe('a bundle of authorities', () => {
  it('is read as it was written, with how long each stays', () => {
    const authorities = [{ certificatePem: one }, { certificatePem: other, until }];
    expect(parseBundle(formatBundle(authorities))).toEqual({ authorities });
  });

  it('holds each once', () => {
    expect(parseBundle(one + other + one)).toEqual({
      authorities: [{ certificatePem: one }, { certificatePem: other }],
    });
  });

  it('keeps what can be read where one before it was cut off', () => {
    const cut = one.slice(0, 200);
    expect(parseBundle(`${cut}\n${other}`)).toEqual({
      authorities: [{ certificatePem: other }],
      problem: '1 of its certificates cannot be read',
    });
  });

  it('takes other text for comments', () => {
    expect(parseBundle(`# ours\n${one}\n# until further notice\n${other}\n# end\n`)).toEqual({
      authorities: [{ certificatePem: one }, { certificatePem: other }],
    });
  });

  it.each([
    ['nothing', '', {}],
    ['no PEM', 'hello', { problem: 'not a certificate in PEM' }],
  ])('may hold %s', (_, text, problem) => {
    expect(parseBundle(text)).toEqual({ authorities: [], ...problem });
  });
});
