import { COLUMNS, wrap } from '../../io/table.ts';
import type { CheckFinding, Verdict } from './finding.ts';

const VERDICTS: readonly Verdict[] = ['failed', 'warning', 'unknown', 'ok'];
const WIDTH = Math.max(...VERDICTS.map((verdict) => verdict.length));

/** The findings as text for people: verdict, check and summary in a line; below it the details and the fix. */
export function findingsText(findings: readonly CheckFinding[]): string {
  const checkWidth = Math.max(...findings.map(({ check }) => check.length));
  const indent = WIDTH + checkWidth + 4;
  const lines = findings.flatMap((finding) => {
    const { verdict, check, found, details = [] } = finding;
    const [first = '', ...others] = wrap(found, COLUMNS - indent);
    return [
      `${verdict.padEnd(WIDTH)}  ${check.padEnd(checkWidth)}  ${first}`,
      ...others.map((line) => ' '.repeat(indent) + line),
      ...details.flatMap((detail) => item('- ', detail, indent)),
      ...('fix' in finding ? fixOf(finding, indent) : []),
    ];
  });
  return `${[...lines, '', summaryOf(findings)].join('\n')}\n`;
}

/** A command is pasted, so it stays one line. */
function fixOf({ fix, command }: { readonly fix: string; readonly command?: string }, indent: number) {
  const lines = item('fix: ', command === undefined ? fix : `${fix}:`, indent);
  return command === undefined ? lines : [...lines, `${' '.repeat(indent + 5)}${command}`];
}

function item(mark: string, text: string, indent: number): readonly string[] {
  return wrap(text, COLUMNS - indent - mark.length).map(
    (line, index) => ' '.repeat(indent) + (index === 0 ? mark : ' '.repeat(mark.length)) + line,
  );
}

/** `12 checks: 1 failed, 2 warnings, 9 ok`. */
function summaryOf(findings: readonly CheckFinding[]): string {
  const counts = VERDICTS.flatMap((verdict) => {
    const count = findings.filter((finding) => finding.verdict === verdict).length;
    const word = verdict === 'warning' && count > 1 ? 'warnings' : verdict;
    return count === 0 ? [] : [`${count} ${word}`];
  });
  return `${findings.length} checks: ${counts.join(', ')}`;
}
