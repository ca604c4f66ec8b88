import { createCompiler, type Matches } from '../src/sigma/match/compile.ts';
import { parseSigma } from '../src/sigma/read/load.ts';
import { ROUNDS, summary, time, type Figure } from './figure.ts';

/** A matcher, and events of growing size that are hard for it. */
interface Growing {
  readonly selection: object;
  readonly eventOf: (size: number) => object;
  /** More where size does not matter, so that there is something to measure; fewer where a call is long. */
  readonly calls?: number;
}

const letters = (size: number) => ({ f: `${'a'.repeat(size)}c` });
const digits = (size: number) => ({ f: '1'.repeat(size) });
const list = (size: number) => ({ f: texts(size, 'a') });
const lists = (size: number) => ({ f: texts(size, 'a'), g: texts(size, 'b') });

function texts(count: number, prefix: string): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

/** Every kind of matcher. What base64, windash and the like make are texts. */
const GROWING: Readonly<Record<string, Growing>> = {
  literal: { selection: { f: 'a'.repeat(64) }, eventOf: letters, calls: 50_000 },
  startswith: { selection: { 'f|startswith': 'aaaa' }, eventOf: letters },
  endswith: { selection: { 'f|endswith': 'aaaab' }, eventOf: letters },
  contains: { selection: { 'f|contains': `${'a'.repeat(16)}b` }, eventOf: letters },
  cased: { selection: { 'f|contains|cased': `${'a'.repeat(16)}b` }, eventOf: letters },
  wildcards: { selection: { f: '*a*a*a*a?b' }, eventOf: letters },
  unicode: { selection: { 'f|contains': 'Σb' }, eventOf: (size) => ({ f: 'ς'.repeat(size) }) },
  names: { selection: { f: texts(1000, 'name-') }, eventOf: list, calls: 20 },
  keywords: { selection: { '': 'xyz' }, eventOf: list, calls: 20 },
  regex: { selection: { 'f|re': '(a+)+$' }, eventOf: letters },
  number: { selection: { f: 1 }, eventOf: digits },
  boolean: { selection: { f: true }, eventOf: letters, calls: 50_000 },
  compare: { selection: { 'f|gte': 1 }, eventOf: (size) => ({ f: `${'1'.repeat(size)}x` }) },
  cidr: {
    selection: { 'f|cidr': 'fd00::/8' },
    eventOf: (size) => ({ f: '0:'.repeat(size / 2) }),
    calls: 50_000,
  },
  time: { selection: { 'f|hour': 5 }, eventOf: digits, calls: 50_000 },
  null: { selection: { f: null }, eventOf: list },
  exists: { selection: { 'f.a|exists': true }, eventOf: list, calls: 20 },
  fieldref: { selection: { 'f|fieldref': 'g' }, eventOf: lists, calls: 5 },
};

const [SMALL, LARGE] = [2 ** 14, 2 ** 15] as const;

/** time(2n) ÷ time(n) on values made to be hard: 2 is linear, 4 quadratic; 1 does not depend on the size. */
export function* growthFigures(): Iterable<Figure> {
  for (const [name, { selection, eventOf, calls = 200 }] of Object.entries(GROWING)) {
    const matches = compileSelection(selection);
    const [small, large] = [eventOf(SMALL), eventOf(LARGE)];
    // A new event each time: what is remembered of one must not help the next.
    const spent = (event: object) => time(calls, () => matches({ ...event }));
    spent(small);
    const rounds = Array.from({ length: ROUNDS }, () => {
      const first = spent(small);
      return spent(large) / first;
    });
    yield summary(`engine.growth.${name}`, 'time(2n)/time(n)', rounds, '≤ 2.2');
  }
}

function compileSelection(selection: object): Matches {
  const detection = { selection, condition: 'selection' };
  const document = { title: 'Growing', logsource: { service: 'audit' }, detection };
  const [condition] = parseSigma('growing.yml', JSON.stringify(document)).rules[0]?.conditions ?? [];
  if (condition === undefined) throw new TypeError(JSON.stringify(selection));
  return createCompiler().compile(condition.tree);
}
