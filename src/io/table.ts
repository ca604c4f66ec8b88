import { lengthOf } from './text.ts';

/** Plain text for people. Every line ends within this many columns, unless a single word is longer. */
export const COLUMNS = 100;

/** Words on lines of at most `width`. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter((each) => each !== '')) {
    if (line !== '' && lengthOf(line) + 1 + lengthOf(word) > width) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}

/** A dotted path over several lines where one of `width` cannot hold it. */
export function breakPath(path: string, width: number): string {
  const lines = [''];
  for (const part of path.split(/(?<=\.)/)) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && lengthOf(line + part) > width) lines.push(part);
    else lines[lines.length - 1] = line + part;
  }
  return lines.join('\n');
}

export interface TableOptions {
  /** Spaces before each line: 2. */
  readonly indent?: number;
  /** The column that takes the rest of a line and wraps there: the last. */
  readonly wrapped?: number | 'none';
  /** The side that cells of digits and commas alone stand at: the left, as every other cell. */
  readonly numbers?: 'left' | 'right';
}

/**
 * Rows as columns two spaces apart, each as wide as its widest cell; one column may wrap. The leading spaces of a wrapped
 * cell stand before each of its lines.
 */
export function table(
  rows: readonly (readonly string[])[],
  {
    indent = 2,
    wrapped = Math.max(0, ...rows.map((row) => row.length - 1)),
    numbers = 'left',
  }: TableOptions = {},
): readonly string[] {
  const widths = Array.from({ length: Math.max(0, ...rows.map((row) => row.length)) }, (_, column) =>
    Math.max(0, ...rows.flatMap((row) => (row[column] ?? '').split('\n').map(lengthOf))),
  );
  const others = widths.filter((_, column) => column !== wrapped).reduce((sum, width) => sum + width + 2, 0);
  if (wrapped !== 'none')
    widths[wrapped] = Math.min(widths[wrapped] ?? 0, Math.max(MIN_WIDTH, COLUMNS - indent - others));
  return rows.flatMap((row) => {
    const cells = row.map((cell, column) =>
      column === wrapped ? wrapCell(cell, widths[column] ?? 0) : cell.split('\n'),
    );
    const height = Math.max(1, ...cells.map((lines) => lines.length));
    return Array.from({ length: height }, (_, at) =>
      (
        ' '.repeat(indent) +
        cells.map((lines, column) => pad(lines[at] ?? '', widths[column] ?? 0, numbers)).join('  ')
      ).trimEnd(),
    );
  });
}

const MIN_WIDTH = 24;

function wrapCell(cell: string, width: number): readonly string[] {
  const [margin = ''] = /^ */.exec(cell) ?? [];
  const lines = wrap(cell, width - margin.length);
  return lines.length === 0 ? [''] : lines.map((line) => margin + line);
}

/** A heading and the lines below it; nothing without lines. */
export function section(heading: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', heading, ...lines];
}

function pad(text: string, width: number, numbers: 'left' | 'right'): string {
  const space = ' '.repeat(Math.max(0, width - lengthOf(text)));
  return numbers === 'right' && /^[\d,]+$/.test(text) ? space + text : text + space;
}
