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

/**
 * Rows as columns two spaces apart, each as wide as its widest cell; one column, the last if none is named, takes what is
 * left and wraps. Leading spaces of a cell stay, also on the lines it wraps to.
 */
export function table(
  rows: readonly (readonly string[])[],
  { indent = 2, wrapped = Math.max(0, ...rows.map((row) => row.length - 1)) } = {},
): readonly string[] {
  const widths = Array.from({ length: Math.max(0, ...rows.map((row) => row.length)) }, (_, column) =>
    Math.max(0, ...rows.flatMap((row) => (row[column] ?? '').split('\n').map(lengthOf))),
  );
  const others = widths.filter((_, column) => column !== wrapped).reduce((sum, width) => sum + width + 2, 0);
  widths[wrapped] = Math.min(widths[wrapped] ?? 0, Math.max(MIN_WIDTH, COLUMNS - indent - others));
  return rows.flatMap((row) => {
    const cells = row.map((cell, column) =>
      column === wrapped ? wrapCell(cell, widths[wrapped] ?? 0) : cell.split('\n'),
    );
    const height = Math.max(1, ...cells.map((lines) => lines.length));
    return Array.from({ length: height }, (_, at) =>
      (
        ' '.repeat(indent) +
        cells.map((lines, column) => pad(lines[at] ?? '', widths[column] ?? 0)).join('  ')
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

/** A heading and what it is over; nothing where there is nothing. */
export function section(heading: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', heading, ...lines];
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - lengthOf(text)));
}
