import { describe, expect, it } from '@jest/globals';
import { compilePath, MISSING, readLeaves, UNKNOWN } from '../../../src/sigma/match/fields.ts';

const container = (image: string, more: object = {}) => ({ image, ...more });

describe('a path reads', () => {
  it.each([
    ['a scalar', 'objectRef.resource', { objectRef: { resource: 'pods' } }, ['pods']],
    ['null as itself', 'a.b', { a: { b: null } }, [null]],
    ['nothing where the field is absent', 'objectRef.subresource', { objectRef: {} }, []],
    ['nothing where a parent is absent', 'a.b.c', {}, []],
    ['nothing below a scalar', 'a.b', { a: 'text' }, []],
    ['an object at its end', 'a', { a: { b: 1 } }, [{ b: 1 }]],
    [
      'each member of an array on the way',
      'c.image',
      { c: [container('good'), container('bad')] },
      ['good', 'bad'],
    ],
    ['each member of an array at its end', 'user.groups', { user: { groups: ['a', 'b'] } }, ['a', 'b']],
    ['missing for a member that lacks the rest', 'c.p.x', { c: [{ p: { x: true } }, {}] }, [true, MISSING]],
    ['nothing below an empty list', 'c.image', { c: [] }, []],
    ['an empty list at its end as one reading', 'c', { c: [] }, [[]]],
    ['arrays in arrays flat', 'c', { c: [[1, [2]], 3] }, [1, 2, 3]],
    [
      'a key with dots',
      'labels.app.kubernetes.io/name',
      { labels: { 'app.kubernetes.io/name': 'dns' } },
      ['dns'],
    ],
    ['every way there is', 'spec.a.b', { spec: { a: { b: 'path' }, 'a.b': 'key' } }, ['path', 'key']],
    ['past a way that leads nowhere', 'l.app.x', { l: { app: 'text', 'app.x': 'value' } }, ['value']],
    ['own properties only', 'a.constructor', { a: {} }, []],
    ['a property called __proto__ as any other', 'a.__proto__', JSON.parse('{"a": {"__proto__": 1}}'), [1]],
    ['undefined as absent', 'a.b', { a: { b: undefined } }, []],
  ])('%s', (_, path, event, values) => {
    expect(compilePath(path)(event)).toEqual({ values, unknown: false });
  });

  it('unknown where the event cannot show it, with what else it found', () => {
    expect(compilePath('a.b')({ a: [{ b: 1 }, UNKNOWN] })).toEqual({ values: [1], unknown: true });
    expect(compilePath('a.b.c')({ a: UNKNOWN })).toEqual({ values: [], unknown: true });
  });

  it('an array nested 100,000 deep', () => {
    const depth = 100_000;
    const event = JSON.parse(`{"a": ${'['.repeat(depth)}1${']'.repeat(depth)}}`);
    expect(compilePath('a')(event).values).toEqual([1]);
  });
});

describe('leaves', () => {
  it('are the scalars of the event, not its keys and not its nulls', () => {
    const { values, unknown } = readLeaves({ a: ['x', { b: 1, c: null }], d: true });
    expect(new Set(values)).toEqual(new Set(['x', 1, true]));
    expect(unknown).toBe(false);
  });

  it('are known to be incomplete where something is unknown', () => {
    expect(readLeaves({ a: 'x', b: UNKNOWN })).toEqual({ values: ['x'], unknown: true });
  });

  it('are found in an object nested 100,000 deep', () => {
    const depth = 100_000;
    expect(readLeaves(JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`)).values).toEqual([1]);
  });
});
