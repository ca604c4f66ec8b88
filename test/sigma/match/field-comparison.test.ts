import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { foldCase } from '../../../src/sigma/match/case-folding.ts';
import { compareFields } from '../../../src/sigma/match/field-comparison.ts';
import { createWorkMeter, UNMETERED, WorkLimitExceeded } from '../../../src/sigma/match/work-meter.ts';

type Comparison = Parameters<typeof compareFields>[0];

function texts(values: readonly unknown[]): readonly string[] {
  return values.filter((each) => each !== null).map((each) => foldCase(String(each)));
}

function many(what: string): readonly string[] {
  return Array.from({ length: 100_000 }, (_, index) => `${what}${index}`);
}

describe('two fields', () => {
  it.each<[Comparison, own: unknown, other: unknown, expected: boolean]>([
    ['equals', 'a', 'A', true],
    ['equals', 'a', 'b', false],
    ['equals', 5, '5', true],
    ['equals', true, 'TRUE', true],
    ['contains', 'kube-system', 'BE-S', true],
    ['startswith', 'kube-system', 'kube', true],
    ['startswith', 'kube-system', 'system', false],
    ['endswith', 'kube-system', 'system', true],
    ['contains', 'a', '', true],
    ['equals', 'a*', 'abc', false],
    ['equals', undefined, undefined, false],
    ['equals', null, null, false],
    ['equals', '', undefined, false],
    ['contains', 'undefined', undefined, false],
    ['equals', {}, {}, false],
    ['equals', [], '', false],
  ])(
    'compare by text, whatever the case, and only if both are there: %s %j %j',
    (comparison, own, other, expected) => {
      expect(compareFields(comparison, [own], [other], UNMETERED)).toBe(expected);
    },
  );

  it('compare if any pair of their values does', () => {
    const naive: Record<Comparison, (own: string, other: string) => boolean> = {
      equals: (own, other) => own === other,
      contains: (own, other) => own.includes(other),
      startswith: (own, other) => own.startsWith(other),
      endswith: (own, other) => own.endsWith(other),
    };
    const values = fc.array(
      fc.oneof(fc.string({ unit: fc.constantFrom('a', 'B', 'b', 'ß') }), fc.nat(12), fc.constant(null)),
    );
    const comparisons = fc.constantFrom(...(Object.keys(naive) as Comparison[]));
    fc.assert(
      fc.property(comparisons, values, values, (comparison, own, other) => {
        const expected = texts(own).some((text) =>
          texts(other).some((part) => naive[comparison](text, part)),
        );
        expect(compareFields(comparison, own, other, UNMETERED)).toBe(expected);
      }),
    );
  });

  it('are equal or not however many values they have', () => {
    expect(compareFields('equals', many('a'), many('b'), UNMETERED)).toBe(false);
    expect(compareFields('equals', many('a'), [...many('b'), 'A99999'], UNMETERED)).toBe(true);
  });

  it.each<Comparison>(['contains', 'startswith', 'endswith'])(
    'have no verdict under %s, never false or unknown, where all their values would take too long to compare',
    (comparison) => {
      expect(() => compareFields(comparison, many('a'), many('b'), createWorkMeter())).toThrow(
        WorkLimitExceeded,
      );
      const [few, others] = [many('a').slice(0, 1000), many('b').slice(0, 1000)];
      expect(compareFields(comparison, few, others, createWorkMeter())).toBe(false);
    },
  );
});
