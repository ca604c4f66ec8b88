import {
  COLLECTION_STYLE,
  constructFromEvents,
  CORE_SCHEMA,
  EVENT_ID,
  getScalarValue,
  parseEvents,
  SCALAR_STYLE,
  YAML11_SCHEMA,
  YAMLException,
  type Event,
  type ScalarEvent,
  type Schema,
} from 'js-yaml';
import { escapeUnseen } from '../../io/text.ts';
import { describeValue, quote } from '../match/describe-value.ts';
import { createReporter, type Path, type Problem } from './errors.ts';
import { isMapping, type Mapping } from '../match/mapping.ts';
import { MAX_NESTING, walkPositions, type Position } from './position.ts';

/** One YAML document that is a map, and where its parts stand. */
export interface SigmaDocument {
  readonly value: Mapping;
  readonly position: Position;
  /** Something in its YAML is an error, which was reported. It is read on only to find what else is wrong. */
  readonly broken: boolean;
}

export interface ParsedDocuments {
  readonly documents: readonly SigmaDocument[];
  readonly problems: readonly Problem[];
}

/**
 * The documents of a file, read as YAML 1.2 (the specification names 1.2.2; pySigma reads 1.1). What the two versions read
 * differently is a warning. Empty documents, such as a last `---` makes, are none.
 */
export function parseDocuments(file: string, text: string): ParsedDocuments {
  const problems: Problem[] = [];
  const placeOf = createPlaceCounter(text);
  let events: readonly Event[];
  try {
    events = parseEvents(text, { maxDepth: MAX_NESTING });
  } catch (error) {
    return { documents: [], problems: [yamlProblem(file, error)] };
  }
  const documents = splitDocuments(events)
    .filter((each) => !isEmpty(each))
    .map((each) => parseDocument(each, { file, text, placeOf, problems }))
    .filter((document) => document !== undefined);
  return { documents, problems };
}

interface Source {
  readonly file: string;
  readonly text: string;
  readonly placeOf: PlaceOf;
  readonly problems: Problem[];
}

function parseDocument(events: readonly Event[], source: Source): SigmaDocument | undefined {
  const { file, text, placeOf, problems } = source;
  const found: Problem[] = [];
  const at = (line: number) => createReporter(file, () => line, found);
  let value: unknown;
  try {
    // Duplicate keys are found below, all of them and with their path.
    [value] = constructFromEvents([...events], { source: text, schema: CORE_SCHEMA, json: true });
  } catch (error) {
    problems.push(yamlProblem(file, error));
    return undefined;
  }
  const scalars = events.filter((event) => event.type === EVENT_ID.SCALAR);
  const yaml12 = readScalars(scalars, events, text, CORE_SCHEMA);
  const yaml11 = readScalars(scalars.filter(isPlain), events, text, YAML11_SCHEMA);
  const position = walkPositions(events, {
    source: text,
    lineAt: (offset) => placeOf(offset).line,
    keyText: (event) => String(yaml12.get(event)),
    onScalar(event, path, line) {
      if (!isPlain(event)) return;
      const written = getScalarValue(text, event);
      const difference = differenceOf(written, yaml11.get(event), yaml12.get(event), path);
      if (difference !== undefined) at(line).warning('yaml-ambiguous', path, difference);
    },
    onKey(event, path, line, first) {
      const key = String(path.at(-1));
      if (first !== undefined) {
        const message = `${quote(key)} at column ${placeOf(-1).column} is already a key at line ${first}`;
        at(line).error('yaml-duplicate-key', path, message);
      }
      if (event.type === EVENT_ID.ALIAS) return;
      const written = getScalarValue(text, event);
      if (typeof yaml12.get(event) === 'string' || written === key) return;
      const message = `the key ${quote(written)} is ${describeValue(yaml12.get(event))}; quote it if it is text`;
      at(line).error('yaml-key', path, message);
    },
    onLimit: (path, line, message) => at(line).error('yaml-limit', path, message),
  });
  for (const problem of found) problems.push(problem);
  if (position === undefined) return undefined;
  if (!isMapping(value)) {
    const message = `a document is a map, this one is ${describeValue(value)}`;
    createReporter(file, () => position.line, problems).error('document-not-a-map', [], message);
    return undefined;
  }
  return { value, position, broken: found.some(({ severity }) => severity === 'error') };
}

/** Each document's events, the one that opens it first and the one that closes it last. */
function splitDocuments(events: readonly Event[]): readonly (readonly Event[])[] {
  const starts = [...events.keys()].filter((index) => events[index]?.type === EVENT_ID.DOCUMENT);
  return starts.map((start, index) => events.slice(start, starts[index + 1] ?? events.length));
}

function isEmpty(events: readonly Event[]): boolean {
  const content = events[1];
  return (
    content?.type === EVENT_ID.SCALAR &&
    isPlain(content) &&
    content.valueStart === -1 &&
    content.anchorStart === -1
  );
}

function isPlain({ style, tagStart }: ScalarEvent): boolean {
  return style === SCALAR_STYLE.PLAIN && tagStart === -1;
}

/** What a schema makes of scalars, on their own. */
function readScalars(
  scalars: readonly ScalarEvent[],
  [document]: readonly Event[],
  source: string,
  schema: Schema,
): ReadonlyMap<ScalarEvent, unknown> {
  if (document === undefined) return new Map();
  const nowhere = { start: 0, anchorStart: -1, anchorEnd: -1, tagStart: -1, tagEnd: -1 };
  const list: Event = { type: EVENT_ID.SEQUENCE, style: COLLECTION_STYLE.FLOW, ...nowhere };
  const end: Event = { type: EVENT_ID.POP };
  const [values] = constructFromEvents([document, list, ...scalars, end, end], { source, schema });
  return new Map(scalars.map((scalar, index) => [scalar, (values as unknown[])[index]]));
}

/** How YAML 1.1 reads a plain scalar in another way. Dates are text to us where nothing is matched against them. */
function differenceOf(written: string, yaml11: unknown, yaml12: unknown, path: Path): string | undefined {
  if (written === '<<') return '"<<" merges maps in YAML 1.1; here, in YAML 1.2, it is a key like any other';
  if (Object.is(yaml11, yaml12)) return undefined;
  if (yaml11 instanceof Date && path[0] !== 'detection' && path[0] !== 'filter') return undefined;
  return `${quote(written)} is ${describeValue(yaml11)} in YAML 1.1 and ${describeValue(yaml12)} here, in YAML 1.2; quote it if it is text`;
}

function yamlProblem(file: string, error: unknown): Problem {
  const { reason, mark } = error instanceof YAMLException ? error : new YAMLException(String(error));
  const isLimit = reason.startsWith('nesting exceeded');
  const column = mark === undefined ? '' : ` at column ${mark.column + 1}`;
  return {
    code: isLimit ? 'yaml-limit' : 'yaml-syntax',
    severity: 'error',
    file,
    ...(mark === undefined ? {} : { line: mark.line + 1 }),
    path: '',
    message: isLimit
      ? `nested deeper than ${MAX_NESTING} levels`
      : `${escapeUnseen(reason.slice(0, REASON_LENGTH))}${column}`,
  };
}

/** js-yaml's reasons name tags and anchors whole. */
const REASON_LENGTH = 200;

type PlaceOf = (offset: number) => { readonly line: number; readonly column: number };

/** Lines as YAML counts them, from 1. Offsets must not go back; -1 is where the last one was. */
function createPlaceCounter(text: string): PlaceOf {
  let line = 1;
  let lineStart = 0;
  let at = 0;
  return (offset) => {
    for (; at < offset; at += 1) {
      const code = text.charCodeAt(at);
      if (code === 10 || (code === 13 && text.charCodeAt(at + 1) !== 10)) {
        line += 1;
        lineStart = at + 1;
      }
    }
    return { line, column: at - lineStart + 1 };
  };
}
