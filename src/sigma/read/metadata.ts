import { isDate } from '../../io/instant.ts';
import { withoutUndefined } from '../../io/without-undefined.ts';
import { describeValue, quote } from '../match/describe-value.ts';
import type { Path, Reporter } from './errors.ts';
import { isMapping, ownValue, type Mapping } from '../match/mapping.ts';

/** What rules and filters say about themselves. */
export interface Metadata {
  readonly id: string;
  readonly title: string;
  readonly name?: string;
  readonly description?: string;
  readonly author?: string;
  readonly date?: string;
  readonly tags: readonly string[];
  readonly references: readonly string[];
  readonly falsepositives: readonly string[];
}

const MAX_TITLE_LENGTH = 256;
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** A namespace and a name. Any namespace will do: tactics are renamed upstream, and people bring their own. */
const TAG = /^[a-z0-9_-]+\.[a-z0-9._-]+$/i;
const RELATED_TYPES = ['derived', 'obsolete', 'merged', 'renamed', 'similar'];

/** Whether a text is an id rather than a name. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** The fields that rules and filters share. Keys that the specification does not define are allowed, and ignored. */
export function parseMetadata(document: Mapping, file: string, reporter: Reporter): Metadata {
  const title = parseTitle(document, reporter);
  const parsed = {
    name: parseName(document, reporter),
    description: readText(document, 'description', reporter),
    author: readText(document, 'author', reporter),
    date: parseDate(document, 'date', reporter),
  };
  parseDate(document, 'modified', reporter);
  checkRelated(document, reporter);
  return {
    id: parseId(document, reporter) ?? `${file}#${title}`,
    title,
    ...withoutUndefined(parsed),
    tags: parseTags(document, reporter),
    references: readTexts(document, 'references', reporter),
    falsepositives: readTexts(document, 'falsepositives', reporter),
  };
}

/** One of a few words, as the specification spells them; undefined where it is absent or, which is reported, is another. */
export function parseWord<Word extends string>(
  document: Mapping,
  key: string,
  words: readonly Word[],
  reporter: Reporter,
): Word | undefined {
  const value = presentValue(document, key);
  if (value === undefined) return undefined;
  const word = words.find((each) => each === value);
  if (word === undefined) {
    const message = `unknown ${key} ${describeValue(value)}; expected one of ${words.join(', ')}`;
    reporter.error('unknown-value', [key], message);
  }
  return word;
}

function parseTitle(document: Mapping, reporter: Reporter): string {
  const title = readText(document, 'title', reporter);
  if (title === '' || presentValue(document, 'title') === undefined) {
    reporter.error('missing-field', ['title'], 'no title; expected a short one');
  }
  if (title !== undefined && title.length > MAX_TITLE_LENGTH) {
    const message = `has ${title.length} characters; expected at most ${MAX_TITLE_LENGTH}`;
    reporter.error('title-too-long', ['title'], message);
  }
  return title ?? '';
}

function parseId(document: Mapping, reporter: Reporter): string | undefined {
  const id = presentValue(document, 'id');
  if (id === undefined) return undefined;
  if (typeof id === 'string' && isUuid(id)) return id.toLowerCase();
  reporter.error('invalid-id', ['id'], `expected a UUID, found ${describeValue(id)}`);
  return undefined;
}

function parseName(document: Mapping, reporter: Reporter): string | undefined {
  const name = readText(document, 'name', reporter);
  if (name === '') reporter.error('invalid-type', ['name'], 'expected a name, found an empty text');
  return name;
}

function parseDate(document: Mapping, key: 'date' | 'modified', reporter: Reporter): string | undefined {
  const value = presentValue(document, key);
  if (value === undefined) return undefined;
  if (typeof value === 'string' && isDate(value)) return value;
  // Sigma 1 wrote slashes, and rules of today still do; no verdict depends on a date.
  const dashed = typeof value === 'string' ? value.replace(/^(\d{4})\/(\d{1,2})\/(\d{1,2})$/, toDashes) : '';
  if (isDate(dashed)) {
    reporter.warning('invalid-date', [key], `expected ${dashed}, with dashes, found ${describeValue(value)}`);
    return dashed;
  }
  reporter.error('invalid-date', [key], `expected a date like 2024-03-26, found ${describeValue(value)}`);
  return undefined;
}

function toDashes(_: string, year: string, month: string, day: string): string {
  return [year, month.padStart(2, '0'), day.padStart(2, '0')].join('-');
}

function parseTags(document: Mapping, reporter: Reporter): readonly string[] {
  const tags = readTexts(document, 'tags', reporter);
  for (const [index, tag] of tags.entries()) {
    if (TAG.test(tag)) continue;
    const message = `${quote(tag)} is no tag; expected a namespace and a name, like attack.t1609`;
    reporter.error('invalid-tag', ['tags', index], message);
  }
  return tags;
}

function checkRelated(document: Mapping, reporter: Reporter): void {
  for (const [index, item] of readList(document, 'related', reporter).entries()) {
    const path = ['related', index];
    if (!isMapping(item)) {
      reporter.error('invalid-related', path, `expected a map of id and type, found ${describeValue(item)}`);
      continue;
    }
    const [id, type] = [ownValue(item, 'id'), ownValue(item, 'type')];
    if (typeof id !== 'string' || !isUuid(id)) {
      reporter.error('invalid-related', [...path, 'id'], `expected a UUID, found ${describeValue(id)}`);
    }
    if (typeof type !== 'string' || !RELATED_TYPES.includes(type)) {
      const message = `expected one of ${RELATED_TYPES.join(', ')}, found ${describeValue(type)}`;
      reporter.error('invalid-related', [...path, 'type'], message);
    }
  }
}

/** The text of a key; undefined where it is absent or, which is reported, is something else. */
export function readText(document: Mapping, key: string, reporter: Reporter): string | undefined {
  const value = presentValue(document, key);
  return value === undefined ? undefined : asText(value, [key], reporter);
}

function readTexts(document: Mapping, key: string, reporter: Reporter): readonly string[] {
  return readList(document, key, reporter)
    .map((item, index) => asText(item, [key, index], reporter))
    .filter((text) => text !== undefined);
}

function readList(document: Mapping, key: string, reporter: Reporter): readonly unknown[] {
  const value = presentValue(document, key);
  if (value === undefined) return [];
  if (Array.isArray(value)) return value;
  reporter.error('invalid-type', [key], `expected a list, found ${describeValue(value)}`);
  return [];
}

function asText(value: unknown, path: Path, reporter: Reporter): string | undefined {
  if (typeof value === 'string') return value;
  reporter.error('invalid-type', path, `expected text, found ${describeValue(value)}`);
  return undefined;
}

/** A key without a value is one that was left out. */
function presentValue(document: Mapping, key: string): unknown {
  return ownValue(document, key) ?? undefined;
}
