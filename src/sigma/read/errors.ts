import { escapeUnseen } from '../../io/text.ts';

/** Where in a document: `['detection', 'selection', 'verb', 0]`. */
export type Path = readonly (string | number)[];

/** Something wrong, or doubtful, in a set of rules. All of them are found at load and reported together. */
export interface Problem {
  /** Stable, documented in docs/errors.md: `unknown-modifier`. */
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly file: string;
  /** 1-based; absent where no line can be named. */
  readonly line?: number;
  /** Dotted: `detection.selection.verb`. */
  readonly path: string;
  /** Lower case, the offending token quoted, then what was expected. */
  readonly message: string;
}

/** How a parser says that something is wrong; the document it came from adds file and line. Parsing goes on. */
export interface Reporter {
  error(code: string, path: Path, message: string): void;
  warning(code: string, path: Path, message: string): void;
}

/** A reporter for one document of `file`: it adds the line of what is wrong, and what it is told goes to `problems`. */
export function createReporter(
  file: string,
  lineOf: (path: Path) => number | undefined,
  problems: Problem[],
): Reporter {
  const report = (severity: Problem['severity']) => (code: string, path: Path, message: string) => {
    const line = lineOf(path);
    problems.push({
      code,
      severity,
      file,
      ...(line === undefined ? {} : { line }),
      path: formatPath(path),
      message,
    });
  };
  return { error: report('error'), warning: report('warning') };
}

/** Longer keys are cut: a problem is a line. */
const KEY_LENGTH = 100;

/** A path as a problem has it: dotted, on one line, and with what cannot be seen escaped. */
export function formatPath(path: Path): string {
  return path.map((step) => (step === '' ? '""' : escapeUnseen(String(step).slice(0, KEY_LENGTH)))).join('.');
}

/** `rules/exec.yml:12: detection.condition: unexpected ")" at index 17` */
export function formatProblem({ file, line, path, message }: Problem): string {
  return [line === undefined ? file : `${file}:${line}`, path, message]
    .filter((part) => part !== '')
    .join(': ');
}

/** Thrown where a whole set of rules is refused: every error in it, at once. */
export class SigmaError extends Error {
  override readonly name = 'SigmaError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.problems = problems;
  }
}
