import { generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  createAuthority,
  issueCertificate,
  type KeyedCertificate,
  servingNames,
} from '../../src/certificates/authority.ts';
import {
  formatBundle,
  parseBundle,
  pemOf,
  type TrustedAuthority,
} from '../../src/certificates/authority-bundle.ts';
import { seeRegistered } from '../../src/certificates/registered-authorities.ts';
import {
  contentsOf,
  planRotation,
  type Contents,
  type RotationState,
} from '../../src/certificates/rotation.ts';
import { parseCertificate } from '../../src/certificates/certificate-source.ts';

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
const YEAR_MS = 365 * DAY_MS;
const NOW = Date.parse('2026-11-24T12:00:00Z');
const SETTLE_MS = 10_000;
const names = servingNames('sigma-admission', 'sigma-admission');

/** Authorities by what they are for, and certificates of them; all made now, but for those that say otherwise. */
const AUTHORITIES = {
  old: { now: NOW },
  next: { now: NOW },
  stranger: { now: NOW },
  'past two thirds': { now: NOW - 7 * YEAR_MS },
  ended: { now: NOW - 11 * YEAR_MS },
  'of a clock two days ahead': { now: NOW + 2 * DAY_MS },
} as const;
type AuthorityName = keyof typeof AUTHORITIES;
let ca: Record<AuthorityName, KeyedCertificate>;

const LEAVES = {
  old: { by: 'old' },
  'old, renewed': { by: 'old' },
  'old, past two thirds': { by: 'old', now: NOW - 250 * DAY_MS },
  'old, ended': { by: 'old', now: NOW - 400 * DAY_MS },
  'old, of a clock an hour ahead': { by: 'old', now: NOW + 3 * HOUR_MS },
  'old, of a clock two days ahead': { by: 'old', now: NOW + 2 * DAY_MS },
  'old, for others': { by: 'old', ...servingNames('other', 'sigma-admission') },
  next: { by: 'next' },
  stranger: { by: 'stranger' },
  'past two thirds': { by: 'past two thirds' },
  ended: { by: 'ended' },
} as const;
type LeafName = keyof typeof LEAVES;
let leaf: Record<LeafName, KeyedCertificate>;

beforeAll(async () => {
  ca = await made(AUTHORITIES, (options) => createAuthority(options));
  leaf = await made(LEAVES, ({ by, ...options }) =>
    issueCertificate({ authority: ca[by], ...names, now: NOW, ...options }),
  );
}, 60_000);

async function made<K extends string, O>(
  wanted: Readonly<Record<K, O>>,
  make: (options: O) => Promise<KeyedCertificate>,
): Promise<Record<K, KeyedCertificate>> {
  const pairs = Object.entries<O>(wanted).map(
    async ([name, options]) => [name, await make(options)] as const,
  );
  return Object.fromEntries(await Promise.all(pairs)) as Record<K, KeyedCertificate>;
}

/** What was shared: who issues, which certificate, whom to trust beside. */
type Shared = readonly [authority: AuthorityName, leaf: LeafName, ...others: readonly AuthorityName[]];

const trusted = (name: AuthorityName): TrustedAuthority => ({ certificatePem: ca[name].certificatePem });
const shared = ([authority, serving, ...others]: Shared): Contents =>
  contentsOf(ca[authority], leaf[serving], others.map(trusted));
const broken = (changes: Partial<Contents>, of: Shared = ['old', 'old']): Contents => ({
  ...shared(of),
  ...changes,
});

interface Told {
  readonly contents?: Contents | undefined;
  readonly remembered?: Shared;
  readonly serving?: LeafName;
  /** Registered for how long (ms); absent: nothing is waited for. */
  readonly registered?: Partial<Record<AuthorityName, number>>;
  readonly asked?: string;
}

function state({ contents, remembered, serving, registered, asked }: Told): RotationState {
  const { certificatePem, keyPem } = leaf[serving ?? 'old'];
  const parsed = parseCertificate({ name: '', text: certificatePem }, { name: '', text: keyPem });
  const seen =
    registered === undefined
      ? undefined
      : Object.entries(registered)
          .map(([name, ms]) => seeRegistered(ca[name as AuthorityName].certificatePem, new Map(), NOW - ms))
          .reduce((all, each) => new Map([...all, ...each]), new Map());
  return {
    contents,
    remembered: remembered && shared(remembered),
    serving:
      serving === undefined
        ? undefined
        : { leaf: parsed, authorityPem: ca[LEAVES[serving].by].certificatePem },
    registered: seen,
    asked,
    names,
    now: NOW,
    settleMs: SETTLE_MS,
    servingLifetimeMs: YEAR_MS,
  };
}

/** The plan by names, dates as days from now. */
function plan(told: Told) {
  const { serve, trusted: all, write } = planRotation(state(told));
  const nameIn = <K extends string>(all: Record<K, KeyedCertificate>, pem: string | undefined) =>
    pem === undefined
      ? 'to be made'
      : (Object.keys(all) as K[]).find((name) => all[name].certificatePem === pem);
  const others = ({ certificatePem, until }: TrustedAuthority) =>
    `${nameIn(ca, certificatePem)}${until === undefined ? '' : ` for ${Math.round((until - NOW) / DAY_MS)} days`}`;
  return {
    serve: serve && nameIn(leaf, serve.leaf.certificatePem),
    trust: all?.map(others),
    write: write && {
      kind: write.kind,
      why: write.why,
      authority: nameIn(ca, write.authority?.certificatePem),
      leaf: nameIn(leaf, write.serving?.certificatePem),
      others: write.others.map(others),
    },
  };
}

const settled = { old: SETTLE_MS };

describe('what is good', () => {
  it.each<[string, Told & { contents?: undefined; shared: Shared }, string]>([
    ['is served at once by who serves nothing yet', { shared: ['old', 'old'] }, 'old'],
    [
      'is served at once by who serves nothing yet, trusted or not',
      { shared: ['old', 'old'], registered: {} },
      'old',
    ],
    [
      'is served though the clock of who made it is an hour ahead',
      { shared: ['old', 'old, of a clock an hour ahead'], registered: settled },
      'old, of a clock an hour ahead',
    ],
    [
      'is served as soon as another replica renewed it',
      { shared: ['old', 'old, renewed'], serving: 'old', registered: settled },
      'old, renewed',
    ],
  ])('%s', (_, { shared: held, ...told }, serve) => {
    expect(plan({ contents: shared(held), ...told })).toEqual({ serve, trust: ['old'], write: undefined });
  });

  it('needs no list of authorities', () => {
    expect(plan({ contents: broken({ 'ca-bundle.crt': '' }) })).toEqual({
      serve: 'old',
      trust: ['old'],
      write: undefined,
    });
  });

  it('trusts whoever is put into the list, without end', () => {
    expect(plan({ contents: shared(['old', 'old', 'stranger']) })).toEqual({
      serve: 'old',
      trust: ['old', 'stranger'],
      write: undefined,
    });
  });
});

describe('a serving certificate', () => {
  it('is renewed at two thirds of its life, by the same authority', () => {
    expect(plan({ contents: shared(['old', 'old, past two thirds']), registered: settled })).toEqual({
      serve: 'old, past two thirds',
      trust: ['old'],
      write: {
        kind: 'renewed',
        why: 'tls.crt: past two thirds of its life, which ends 2027-03-19T12:00:00.000Z',
        authority: 'old',
        leaf: 'to be made',
        others: [],
      },
    });
  });
});

describe('an authority past two thirds of its life', () => {
  const why = 'ca.crt: past two thirds of its life, which ends 2029-11-23T12:00:00.000Z';

  it('is followed by another first, and stays trusted for as long as the last certificate of it can be in force', () => {
    expect(plan({ contents: shared(['past two thirds', 'past two thirds']), registered: {} })).toEqual({
      serve: 'past two thirds',
      trust: ['past two thirds'],
      write: {
        kind: 'renewed',
        why,
        authority: 'to be made',
        leaf: 'past two thirds',
        others: ['past two thirds for 365 days'],
      },
    });
  });

  it('is followed by another when somebody asks for it', () => {
    expect(plan({ contents: shared(['old', 'old']), asked: 'its key got out' }).write).toEqual({
      kind: 'renewed',
      why: 'its key got out',
      authority: 'to be made',
      leaf: 'old',
      others: ['old for 365 days'],
    });
  });
});

describe('a certificate of the next authority', () => {
  const contents = () => shared(['next', 'old', 'old']);
  const waits = { serve: 'old', trust: ['next', 'old'], write: undefined };

  it.each<[string, Told['registered']]>([
    ['is registered', {}],
    ['is registered, whose predecessor is', { old: YEAR_MS }],
    ['has been registered for a while', { old: YEAR_MS, next: SETTLE_MS - 1 }],
  ])('is not issued before that %s', (_, registered = {}) => {
    expect(plan({ contents: contents(), serving: 'old', registered })).toEqual(waits);
  });

  it.each<[string, Told['registered']]>([
    ['after that', { old: YEAR_MS, next: SETTLE_MS }],
    ['at once where nothing is to be waited for', undefined],
  ])('is issued %s', (_, registered) => {
    const told = { contents: contents(), serving: 'old', ...(registered && { registered }) } as const;
    expect(plan(told)).toEqual({
      ...waits,
      write: {
        kind: 'renewed',
        why: 'tls.crt: the API server trusts the authority that follows its own',
        authority: 'next',
        leaf: 'to be made',
        others: ['old for 365 days'],
      },
    });
  });

  it.each<[string, LeafName, Told['registered'], LeafName]>([
    ['is not served before its authority is registered', 'old', { old: YEAR_MS }, 'old'],
    ['is not served before that settled', 'old', { old: YEAR_MS, next: SETTLE_MS - 1 }, 'old'],
    ['is served after that', 'old', { old: YEAR_MS, next: SETTLE_MS }, 'next'],
    ['is served at once where that which is served is not trusted', 'old', { next: 0 }, 'next'],
    ['waits where neither is trusted', 'old', {}, 'old'],
    ['is served where that which is served has ended', 'old, ended', { old: YEAR_MS }, 'next'],
    ['is served at once where nothing is to be waited for', 'old', undefined, 'next'],
  ])('%s', (_, serving, registered, serve) => {
    const told = { serving, ...(registered && { registered }) };
    const planned = plan({ contents: shared(['next', 'next', 'old']), ...told });
    expect([planned.serve, planned.write]).toEqual([serve, undefined]);
  });

  it('is made although nobody registers its authority, when its predecessor’s has ended', () => {
    expect(plan({ contents: shared(['next', 'old, ended', 'old']), registered: settled }).write).toEqual({
      kind: 'made',
      why: 'tls.crt: ended 2026-10-20T12:00:00.000Z',
      authority: 'next',
      leaf: 'to be made',
      others: ['old'],
    });
  });
});

describe('an authority that issues no more', () => {
  const holding = (until: number): Contents =>
    broken(
      {
        'ca-bundle.crt': formatBundle([trusted('next'), { ...trusted('old'), until }]),
      },
      ['next', 'next'],
    );

  it('stays in the list as long as it says', () => {
    expect(plan({ contents: holding(NOW + DAY_MS) })).toEqual({
      serve: 'next',
      trust: ['next', 'old for 1 days'],
      write: undefined,
    });
  });

  const leaves = {
    kind: 'trusted',
    why: 'ca-bundle.crt: of an authority in it no certificate is left',
    authority: 'next',
    leaf: 'next',
    others: [],
  };

  it('leaves it then', () => {
    expect(plan({ contents: holding(NOW) })).toEqual({ serve: 'next', trust: ['next'], write: leaves });
  });

  it('leaves it when it ends itself', () => {
    const { trust, write } = plan({ contents: shared(['next', 'next', 'ended']) });
    expect({ trust, write }).toEqual({ trust: ['next'], write: leaves });
  });

  it('does not leave it while this process serves by it', () => {
    const planned = plan({ contents: holding(NOW), serving: 'old', registered: settled });
    expect(planned).toEqual({ serve: 'old', trust: ['next', 'old for 0 days'], write: undefined });
  });

  it('is put back into it while this process serves by it', () => {
    const contents = shared(['stranger', 'stranger']);
    expect(plan({ contents, serving: 'old', registered: settled, remembered: ['old', 'old'] })).toEqual({
      serve: 'old',
      trust: ['stranger', 'old for 365 days'],
      write: {
        kind: 'trusted',
        why: 'ca-bundle.crt: it lacked the authority of a certificate in use',
        authority: 'stranger',
        leaf: 'stranger',
        others: ['old for 365 days'],
      },
    });
  });
});

describe('what is broken', () => {
  const ecKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
  const BREAKS: readonly [string, () => Contents | undefined, string | RegExp][] = [
    ['was deleted', () => undefined, /^it was deleted$|^there was none$/],
    [
      'was emptied',
      () => broken(Object.fromEntries(Object.keys(shared(['old', 'old'])).map((key) => [key, '']))),
      'it was empty',
    ],
    ['lost its authority', () => broken({ 'ca.crt': '' }), /^ca\.crt: not a certificate in PEM/],
    ['lost its authority’s key', () => broken({ 'ca.key': '' }), /^ca\.key: not a private key in PEM/],
    ['got another key for its authority', () => broken({ 'ca.key': ecKey }), 'ca.key: not the key of ca.crt'],
    [
      'got an authority that is none',
      () => broken({ 'ca.crt': leaf.old.certificatePem, 'ca.key': leaf.old.keyPem }),
      'ca.crt: not a certificate authority',
    ],
    ['got an authority that has ended', () => shared(['ended', 'old', 'old']), /^ca\.crt: ended /],
    [
      'got an authority of a clock two days ahead',
      () => shared(['of a clock two days ahead', 'old', 'old']),
      /^ca\.crt: not valid before /,
    ],
    ['was cut off', () => broken({ 'tls.key': '-----BEGIN' }), /^tls\.key: not a private key in PEM/],
    ['lost its certificate', () => broken({ 'tls.crt': '' }), /^tls\.crt: not a certificate in PEM/],
    [
      'got a certificate for others',
      () => shared(['old', 'old, for others']),
      /^tls\.crt: not valid for sigma-admission\.sigma-admission\.svc, /,
    ],
    ['got a certificate of nobody in it', () => shared(['old', 'stranger']), 'tls.crt: not issued by ca.crt'],
    ['got a certificate that has ended', () => shared(['old', 'old, ended']), /^tls\.crt: ended /],
    [
      'got a certificate of a clock two days ahead',
      () => shared(['old', 'old, of a clock two days ahead']),
      /^tls\.crt: not valid before /,
    ],
  ];

  it.each(BREAKS)('and %s is put back as it was', (_, contents, why) => {
    const told = { contents: contents(), serving: 'next', remembered: ['next', 'next', 'old'] } as const;
    expect(plan({ ...told, registered: settled })).toEqual({
      serve: undefined,
      trust: undefined,
      write: {
        kind: 'restored',
        why: typeof why === 'string' ? why : expect.stringMatching(why),
        authority: 'next',
        leaf: 'next',
        others: ['old'],
      },
    });
  });

  it.each(BREAKS)(
    'and %s is made anew where nothing is remembered, without taking trust from anybody',
    (_, contents, why) => {
      const { write, serve } = plan({ contents: contents(), registered: { stranger: 0, ended: 0 } });
      expect(serve).toBeUndefined();
      expect(write).toMatchObject({
        kind: 'made',
        why: typeof why === 'string' ? why : expect.stringMatching(why),
        leaf: 'to be made',
      });
      expect(write?.others.at(-1)).toBe('stranger for 365 days');
    },
  );

  it('is issued anew by an authority that is left', () => {
    const { write } = plan({ contents: broken({ 'tls.crt': '' }) });
    expect([write?.authority, write?.leaf]).toEqual(['old', 'to be made']);
  });

  it('is not put back where what is remembered has ended, too', () => {
    const { write } = plan({ contents: undefined, remembered: ['old', 'old, ended'] });
    expect([write?.kind, write?.authority]).toEqual(['made', 'to be made']);
  });

  it('is only its list: what can be read of it stays', () => {
    const cut = formatBundle([trusted('old'), trusted('next')]).slice(0, -100);
    expect(plan({ contents: broken({ 'ca-bundle.crt': cut }) }).write).toEqual({
      kind: 'trusted',
      why: 'ca-bundle.crt: 1 of its certificates cannot be read',
      authority: 'old',
      leaf: 'old',
      others: [],
    });
  });
});

describe('a stranger’s', () => {
  it('is taken, and served when it is trusted', () => {
    const contents = shared(['stranger', 'stranger', 'old']);
    const told = { contents, serving: 'old', remembered: ['old', 'old'] } as const;
    expect(plan({ ...told, registered: { old: YEAR_MS, stranger: SETTLE_MS } })).toEqual({
      serve: 'stranger',
      trust: ['stranger', 'old'],
      write: undefined,
    });
  });
});

describe('a list of authorities', () => {
  it('is no longer than eight, of which those in use stay', async () => {
    const many = await Promise.all(Array.from({ length: 9 }, () => createAuthority({ now: NOW })));
    const bundle = formatBundle([trusted('next'), ...many, trusted('old')]);
    const { trusted: kept } = planRotation(
      state({ contents: broken({ 'ca-bundle.crt': bundle }, ['next', 'old']), registered: settled }),
    );
    const expected = [trusted('next'), trusted('old'), ...many.slice(0, 6)];
    expect(pemOf(kept ?? [])).toBe(pemOf(expected));
  });

  it('says of each how long it stays, in what is a comment to whoever reads certificates', () => {
    const until = Date.parse('2027-11-24T12:00:00Z');
    const text = formatBundle([trusted('next'), { ...trusted('old'), until }]);
    expect(text).toBe(`${ca.next.certificatePem}# until 2027-11-24T12:00:00.000Z\n${ca.old.certificatePem}`);
    expect(parseBundle(text)).toEqual({ authorities: [trusted('next'), { ...trusted('old'), until }] });
  });
});
