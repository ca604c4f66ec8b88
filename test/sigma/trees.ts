import fc from 'fast-check';
import { UNKNOWN } from '../../src/sigma/match/fields.ts';
import type { DetectionItem, Predicate, Tree } from '../../src/sigma/match/tree.ts';

/** Few fields and few values, so that trees and events meet. */
const FIELDS = ['a', 'b', 'c.d'];
const TEXTS = ['x', 'Y', 'zz', '1'];

const predicate: fc.Arbitrary<Predicate> = fc.oneof(
  fc.record({
    kind: fc.constant('string' as const),
    pattern: fc.constantFrom(...TEXTS.map((text) => [text]), [], ['x', { wildcard: '*' as const }]),
    cased: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('number' as const), value: fc.constant(1) }),
  fc.record({ kind: fc.constant('boolean' as const), value: fc.boolean() }),
  fc.record({ kind: fc.constant('null' as const) }),
  fc.record({ kind: fc.constant('exists' as const), value: fc.boolean() }),
);

const item: fc.Arbitrary<DetectionItem> = fc
  .tuple(fc.constantFrom(...FIELDS), fc.array(predicate, { minLength: 1, maxLength: 3 }))
  .map(([field, predicates]) => ({ field, paths: [field], modifiers: [], predicates }));

export const trees: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    item.map((each) => ({ kind: 'item' as const, item: each })),
    fc.record({
      kind: fc.constantFrom('and' as const, 'or' as const),
      of: fc.array(tie('tree'), { maxLength: 3 }),
    }),
    fc.record({ kind: fc.constant('not' as const), of: tie('tree') }),
    fc.record({ kind: fc.constant('identifier' as const), name: fc.constant('selection'), of: tie('tree') }),
  ),
})).tree;

const reading = fc.constantFrom<unknown>(...TEXTS, 'X', 'other', 1, true, null, {}, UNKNOWN);

export const events: fc.Arbitrary<object> = fc.record(
  {
    a: reading,
    b: fc.oneof(reading, fc.array(reading, { maxLength: 3 })),
    c: fc.oneof(
      fc.record({ d: reading }, { requiredKeys: [] }),
      fc.array(fc.record({ d: reading }, { requiredKeys: [] }), { maxLength: 2 }),
    ),
    'c.d': reading,
  },
  { requiredKeys: [] },
);
