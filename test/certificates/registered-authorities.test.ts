import { beforeAll, describe, expect, it } from '@jest/globals';
import { createAuthority, type KeyedCertificate } from '../../src/certificates/authority.ts';
import { fingerprintOf, pemOf, type TrustedAuthority } from '../../src/certificates/authority-bundle.ts';
import { bundleToPublish, seeMissing, seeRegistered } from '../../src/certificates/registered-authorities.ts';

const NOW = Date.parse('2026-11-24T12:00:00Z');
const YEAR_MS = 365 * 24 * 60 * 60 * 1000;
let [ours, theirs, ended]: KeyedCertificate[] = [];

beforeAll(async () => {
  [ours, theirs, ended] = await Promise.all([
    createAuthority({ now: NOW }),
    createAuthority({ now: NOW }),
    createAuthority({ now: NOW - 11 * YEAR_MS }),
  ]);
});

const print = (authority: KeyedCertificate | undefined) => fingerprintOf(authority!.certificatePem);
const known = (authority: KeyedCertificate | undefined): TrustedAuthority => ({
  certificatePem: authority!.certificatePem,
});
const bundle = (...authorities: (KeyedCertificate | undefined)[]) => pemOf(authorities.map(known));

describe('what is registered', () => {
  it('has been so since it was first seen, and was always there', () => {
    const first = seeRegistered(bundle(ours), new Map(), NOW);
    const second = seeRegistered(bundle(theirs, ours), first, NOW + 1);
    const third = seeRegistered(bundle(theirs), second, NOW + 2);
    const fourth = seeRegistered(bundle(ours, theirs), third, NOW + 3);
    const since = [first, second, third, fourth].map((seen) => [
      seen.get(print(ours))?.since,
      seen.get(print(theirs))?.since,
    ]);
    expect(since).toEqual([
      [NOW, undefined],
      [NOW, NOW + 1],
      [undefined, NOW + 1],
      [NOW + 3, NOW + 1],
    ]);
  });

  it('may be nothing', () => {
    expect(seeRegistered(undefined, seeRegistered(bundle(ours), new Map(), NOW), NOW).size).toBe(0);
  });

  it('is not waited for by a clock that was put back', () => {
    const first = seeRegistered(bundle(ours), new Map(), NOW);
    expect(seeRegistered(bundle(ours), first, NOW - YEAR_MS).get(print(ours))?.since).toBe(NOW - YEAR_MS);
  });
});

describe('what is missing in the Secret', () => {
  it('has been so since the first look that did not find it', () => {
    const seen = seeRegistered(bundle(ours, theirs), new Map(), NOW);
    const first = seeMissing(seen, [known(ours)], new Map(), NOW + 1);
    const second = seeMissing(seen, [known(ours)], first, NOW + 2);
    expect(first).toEqual(new Map([[print(theirs), NOW + 1]]));
    expect(second).toEqual(first);
  });

  it('is not, once it was found', () => {
    const seen = seeRegistered(bundle(theirs), new Map(), NOW);
    const before = seeMissing(seen, [], new Map(), NOW);
    expect(seeMissing(seen, [known(theirs)], before, NOW + 1)).toEqual(new Map());
  });
});

describe('what is to be registered', () => {
  const published = (registered: string, dismissed: (fingerprint: string) => boolean = () => false) =>
    pemOf(
      bundleToPublish({
        known: [known(ours)],
        registered: seeRegistered(registered, new Map(), NOW),
        dismissed,
        now: NOW,
      }),
    );

  it('is what the Secret says, to the letter', () => {
    expect(published('')).toBe(ours?.certificatePem);
    expect(published(bundle(ours))).toBe(ours?.certificatePem);
  });

  it('is also whom another replica put there, of whom we have not read yet', () => {
    expect(published(bundle(theirs, ours))).toBe(bundle(ours, theirs));
  });

  it('is no longer who was missed in the Secret for long enough', () => {
    expect(published(bundle(theirs, ours), (each) => each === print(theirs))).toBe(bundle(ours));
  });

  it('is nobody who has ended', () => {
    expect(published(bundle(ended))).toBe(bundle(ours));
  });
});
