/** Words farther apart than this are no slip of the hand. */
const MAX_DISTANCE = 3;
/** No name of ours has half as many letters. Comparing takes as long as the product of both lengths. */
const MAX_LENGTH = 64;
/** How much of the longer word must be right. */
const MIN_SIMILARITY = 0.4;

/** ` (did you mean --mode?)`, or nothing. What all words have in common, `prefix`, counts for nothing. */
export function didYouMean(word: string, known: readonly string[], prefix = ''): string {
  const written = word.replace(prefix, '');
  if (written.length > MAX_LENGTH) return '';
  const guesses = [...new Set(known)].flatMap((name) => {
    const candidate = name.replace(prefix, '');
    if (Math.abs(written.length - candidate.length) > MAX_DISTANCE) return [];
    const far = distance(written, candidate);
    const length = Math.max(written.length, candidate.length);
    const isNear = far <= MAX_DISTANCE && (length - far) / length > MIN_SIMILARITY;
    return isNear && candidate.length > 1 ? [{ text: prefix + candidate, far }] : [];
  });
  const nearest = Math.min(...guesses.map(({ far }) => far));
  const best = guesses.filter(({ far }) => far === nearest).map(({ text }) => text);
  return best.length === 0 ? '' : ` (did you mean ${best.toSorted().join(' or ')}?)`;
}

/** How many letters one must add, leave out, change or swap with the next to make one word of the other. */
function distance(one: string, other: string): number {
  let [last, row]: [number[], number[]] = [[], Array.from({ length: other.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const change = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
      const isSwap = one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      next[j] = Math.min(
        (row[j] ?? 0) + 1,
        (next[j - 1] ?? 0) + 1,
        change,
        isSwap ? (last[j - 2] ?? 0) + 1 : change,
      );
    }
    [last, row] = [row, next];
  }
  return row[other.length] ?? 0;
}
