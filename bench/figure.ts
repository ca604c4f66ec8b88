/** One figure, as `--json` prints it: one line each. A ratio is against a reference measured in the same run. */
export interface Figure {
  readonly figure: string;
  /** The median of the rounds. */
  readonly value: number;
  readonly unit: string;
  /** The lowest and highest round. */
  readonly low: number;
  readonly high: number;
  /** What we aim at, in words: `≤ 1.2`. It gates nothing. */
  readonly target?: string;
}

export type Bench = () => AsyncIterable<Figure> | Iterable<Figure>;

export const ROUNDS = 7;

export function summary(figure: string, unit: string, rounds: readonly number[], target?: string): Figure {
  const sorted = rounds.toSorted((a, b) => a - b);
  const [low = NaN, high = NaN, value = NaN] = [
    sorted[0],
    sorted.at(-1),
    sorted[Math.floor(sorted.length / 2)],
  ];
  return { figure, value, unit, low, high, ...(target === undefined ? {} : { target }) };
}

/** Nanoseconds of each of `calls` calls. */
export function time(calls: number, call: (index: number) => void): number {
  const start = process.hrtime.bigint();
  for (let index = 0; index < calls; index++) call(index);
  return Number(process.hrtime.bigint() - start) / calls;
}
