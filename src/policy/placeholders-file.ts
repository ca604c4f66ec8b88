import { load } from 'js-yaml';
import type { Placeholders } from '../sigma/read/detection.ts';
import { SigmaError } from '../sigma/read/errors.ts';
import { describeValue } from '../sigma/match/describe-value.ts';
import type { NamedDocument } from './rule-source.ts';

/** Reads a file of placeholders: a map of name to value or list of values, as pySigma's. Throws a SigmaError that names each wrong entry. */
export function parsePlaceholders({ name: file, text }: NamedDocument): Placeholders {
  const document = parseYaml(file, text);
  if (!isMap(document)) {
    throw problemsError(file, [
      ['', `expected a map of placeholder to values, found ${describeValue(document)}`],
    ]);
  }
  const problems: (readonly [path: string, message: string])[] = [];
  const entries = Object.entries(document).map(([name, written]) => {
    const values = Array.isArray(written) ? written : [written];
    if (values.length === 0) problems.push([name, 'expected at least one value, found none']);
    for (const [position, value] of values.entries()) {
      if (isValue(value)) continue;
      const path = Array.isArray(written) ? `${name}[${position}]` : name;
      problems.push([path, `expected a string or a number, found ${describeValue(value)}`]);
    }
    return [name, values.filter(isValue)] as const;
  });
  if (problems.length > 0) throw problemsError(file, problems);
  return Object.fromEntries(entries);
}

function parseYaml(file: string, text: string): unknown {
  try {
    return load(text);
  } catch (error) {
    throw problemsError(file, [['', (error as Error).message]]);
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isValue(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}

function problemsError(
  file: string,
  problems: readonly (readonly [path: string, message: string])[],
): SigmaError {
  return new SigmaError(
    problems.map(([path, message]) => ({
      code: 'malformed-placeholders',
      severity: 'error',
      file,
      path,
      message: `--placeholders: ${message}`,
    })),
  );
}
