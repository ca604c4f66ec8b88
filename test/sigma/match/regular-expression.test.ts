import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compileRegex, quoteRegex, regexProblem } from '../../../src/sigma/match/regular-expression.ts';

describe('what RE2 cannot do is called by its name', () => {
  it.each([
    ['(?=a)', 'a look-around'],
    ['(?!a)', 'a look-around'],
    ['(?<=a)b', 'a look-around'],
    ['(?<!a)b', 'a look-around'],
    ['(a)\\1', 'a back-reference'],
    ['(?<n>a)\\k<n>', 'a back-reference'],
    ['(?P<n>a)(?P=n)', 'a back-reference'],
    ['a++', 'a possessive quantifier'],
    ['a*+', 'a possessive quantifier'],
    ['a?+', 'a possessive quantifier'],
    ['a{2}+', 'a possessive quantifier'],
    ['a{2,}+', 'a possessive quantifier'],
    ['(?>a)', 'an atomic group'],
    ['(?x)a b', 'extended mode'],
    ['(?ix)a b', 'extended mode'],
    ['(?x:a b)', 'extended mode'],
    ['a\\Z', 'an anchor'],
    ['\\Ga', 'an anchor'],
    ['a\\Kb', 'an anchor'],
    ['\\h', 'a class'],
    ['[\\h]', 'a class'],
    ['\\R', 'a class'],
    ['\\u0041', 'an escape'],
    ['\\e', 'an escape'],
    ['a{1001}', 'a repetition of more than 1,000'],
    ['a{1,1001}', 'a repetition of more than 1,000'],
    ['a{1001,}', 'a repetition of more than 1,000'],
    ['(a{100}){11}', 'a repetition of more than 1,000'],
    ['(?#note)a', 'a comment'],
    ['(?|a)', 'a conditional or branch reset'],
    ['(?(1)a|b)', 'a conditional or branch reset'],
    ['(?R)', 'a recursion'],
    ['(?1)', 'a recursion'],
  ])('%s: %s', (source, name) => {
    expect(regexProblem(source)).toEqual({
      code: 'regex-unsupported',
      message: expect.stringContaining(` is ${name}, which RE2 syntax has not; expected `),
    });
  });

  it('with the token and what to write instead', () => {
    expect(regexProblem('^(?!kube-)')?.message).toBe(
      '"(?!" is a look-around, which RE2 syntax has not; expected a second search identifier and a condition such as "selection and not filter"',
    );
    expect(regexProblem('^\\u0041')?.message).toBe(
      '"\\\\u" is an escape, which RE2 syntax has not; expected the character itself, or its code as "\\x{0041}"',
    );
  });
});

describe('what is no expression at all', () => {
  it.each([
    ['(a', 'missing closing ): "(a"; expected an expression in RE2 syntax'],
    ['a)', 'unexpected ): "a)"; expected an expression in RE2 syntax'],
    ['[a', 'missing closing ]: "[a"; expected an expression in RE2 syntax'],
    ['*', 'missing argument to repetition operator: "*"; expected an expression in RE2 syntax'],
    ['a**', 'invalid nested repetition operator: "**"; expected an expression in RE2 syntax'],
    ['a{2,1}', 'invalid repeat count: "{2,1}"; expected an expression in RE2 syntax'],
    ['\\', 'trailing backslash at end of expression: "\\\\"; expected an expression in RE2 syntax'],
    ['[z-a]', 'invalid character class range: "z-a"; expected an expression in RE2 syntax'],
    ['\\p{Foo}', 'invalid character class range: "\\\\p{Foo}"; expected an expression in RE2 syntax'],
  ])('%s', (source, message) => {
    expect(regexProblem(source)).toEqual({ code: 'regex-syntax', message });
  });

  it.each([
    [`${'[^a]{1000}'.repeat(20)}`, 20_002],
    ['(x{0,1000})'.repeat(100), 200_202],
  ])('is a program of too many instructions: %.20s', (source, size) => {
    expect(regexProblem(source)).toEqual({
      code: 'regex-too-large',
      message: expect.stringMatching(
        new RegExp(
          `^"\\S+ is a program of ${size} instructions, repetitions written out; expected at most 10000$`,
        ),
      ),
    });
  });

  it('nests too deeply', () => {
    expect(regexProblem('('.repeat(2000) + ')'.repeat(2000))).toMatchObject({ code: 'regex-syntax' });
  });
});

describe('an expression that is allowed', () => {
  it.each([
    '^kube-(proxy|dns)-[a-z0-9]{5}$',
    '(?i)a',
    '(?ms)a',
    '(?-i:a)',
    '(?:a)',
    '(?P<name>a)',
    '(?<name>a)',
    'a{1000}',
    'a{',
    'a*?',
    '\\d\\s\\w\\b\\.\\-\\%\\_',
    '\\x41\\x{1f600}',
    '\\p{L}\\p{Greek}[[:alpha:]]',
    '\\A\\z',
    '\\Qa.b\\E',
    '😀',
    '',
  ])('%s', (source) => {
    expect(regexProblem(source)).toBeUndefined();
  });

  it('is searched for in linear time even where a backtracking engine would not return', () => {
    const matches = compileRegex('^(a+)+$', '');
    expect([matches('a'.repeat(50_000)), matches(`${'a'.repeat(50_000)}!`)]).toEqual([true, false]);
  });

  it('can be any text, quoted', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(compileRegex(`^${quoteRegex(text)}$`, '')(text)).toBe(true);
        expect(compileRegex(`^${quoteRegex(text)}$`, '')(`${text}a`)).toBe(false);
      }),
    );
  });

  it('never makes the loader throw', () => {
    const unit = fc.constantFrom(...'()[]{}?*+|\\^$.<>=!:-,0123abPxZkQE&#é'.split(''));
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit }), fc.string({ unit: 'binary' })), (source) => {
        const problem = regexProblem(source);
        if (problem === undefined) expect(typeof compileRegex(source, 'ims')('abc')).toBe('boolean');
        else expect(problem.message).toMatch(/; expected /);
      }),
      { numRuns: 3000 },
    );
  });
});
