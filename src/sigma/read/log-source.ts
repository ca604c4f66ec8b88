import { escapeUnseen } from '../../io/text.ts';
import { describeValue, quote } from '../match/describe-value.ts';
import type { Reporter } from './errors.ts';
import { isMapping, ownValue, type Mapping } from '../match/mapping.ts';

/** Which log a rule is written for. An absent part means any; `definition` is prose and ignored. */
export interface LogSource {
  readonly category?: string;
  readonly product?: string;
  readonly service?: string;
}

const PARTS = ['category', 'product', 'service'] as const;

/** The `logsource` of a document. One that names nothing would be for every log there is, so it is an error. */
export function parseLogSource(document: Mapping, reporter: Reporter): LogSource | undefined {
  const value = ownValue(document, 'logsource');
  if (value === undefined || value === null) {
    reporter.error('missing-field', ['logsource'], 'no logsource; expected category, product or service');
    return undefined;
  }
  if (!isMapping(value)) {
    reporter.error('invalid-type', ['logsource'], `expected a map, found ${describeValue(value)}`);
    return undefined;
  }
  const named = PARTS.map((part) => [part, ownValue(value, part)] as const).filter(
    ([, name]) => name !== undefined && name !== null,
  );
  if (named.length === 0) {
    reporter.error(
      'logsource-empty',
      ['logsource'],
      'names no log; expected at least one of category, product, service',
    );
    return undefined;
  }
  const wrong = named.filter(([, name]) => typeof name !== 'string' || name === '');
  for (const [part, name] of wrong) {
    reporter.error('invalid-type', ['logsource', part], `expected a name, found ${describeValue(name)}`);
  }
  return wrong.length === 0 ? Object.fromEntries(named) : undefined;
}

/** A rule that is for another log than ours. It is not loaded, and nothing else that is wrong with it matters. */
export function notForOurLog(
  title: string,
  { category = 'any', product = 'any', service = 'any' }: LogSource,
): string {
  const log = escapeUnseen(`category ${category}, product ${product}, service ${service}`);
  return `rule ${quote(title)} is for ${log}, not for Kubernetes audit logs; it is not loaded`;
}

/** Whether every log that `inner` names is one that `outer` is for. Case-sensitive; a part left out is any. */
export function contains(outer: LogSource, inner: LogSource): boolean {
  return PARTS.every((part) => outer[part] === undefined || outer[part] === inner[part]);
}
