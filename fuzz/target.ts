import type fc from 'fast-check';

/** One way into the product, and what may be put there. */
export interface Target<Input> {
  readonly name: string;
  readonly arbitrary: fc.Arbitrary<Input>;
  /** Asked first, as they are: what once found a fault, and plain examples. */
  readonly known: readonly Input[];
  /** Throws where `input` finds a fault. Gives how many inputs it stands for; nothing is one. */
  check(input: Input): Promise<number | void> | number | void;
}

/** What holds for every input, whatever it does. */
export function expect(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise);
}

/** The API server drops a warning that holds any of these; a terminal obeys some. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** Whether `text` can be shown to people; lines may end where `lines` says so. */
export function expectPrintable(text: string, lines = false): void {
  const shown = lines ? text.replaceAll('\n', '') : text;
  expect(!UNSEEN.test(shown), `a control character in ${JSON.stringify(shown.slice(0, 500))}`);
}

const PROTOTYPES = [Object.prototype, Array.prototype, String.prototype, Function.prototype];
const BEFORE = PROTOTYPES.map((prototype) => Reflect.ownKeys(prototype).length);

export function expectCleanPrototypes(): void {
  PROTOTYPES.forEach((prototype, index) => {
    expect(Reflect.ownKeys(prototype).length === BEFORE[index], 'a prototype was polluted');
  });
}
