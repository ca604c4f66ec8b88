import { shapeOf, type Shape } from './shapes.ts';
import { quote } from './text.ts';

/** A value, or a chain of optional steps to one. */
export interface Ref {
  readonly text: string;
  readonly isOptional: boolean;
}

/** One step down from a value: a key, and what stands there. */
export interface Step {
  readonly key: string;
  readonly shape: Shape;
}

/** Where CEL has a field of the audit event; `shape` is that of what stands at the end of the steps. */
export interface Place {
  readonly from: Ref;
  readonly shape: Shape;
  readonly steps: readonly Step[];
}

/** What the requests of a condition have in common. */
export interface Source {
  /** A DELETE has no object: what an audit event has there are its options. */
  readonly isDelete: boolean;
  /** Whether the object is of Kubernetes' own. */
  readonly isTyped: boolean;
}

/** A key below a value. After the first optional step each further one is optional too. */
export function below({ text }: Ref, key: string): Ref {
  const step =
    /^[A-Za-z][A-Za-z0-9]*$/.test(key) && !KEYWORDS.includes(key) ? `.?${key}` : `[?${quote(key)}]`;
  return { text: text + step, isOptional: true };
}

const KEYWORDS =
  'as break const continue else false for function if import in let loop null package return true var void while'.split(
    ' ',
  );

/**
 * Where CEL has the field at `path`: `absent` where no request has it, undefined where CEL cannot see it. What `request`
 * holds is declared with its types; `dyn` lets it be compared with null like everything else.
 */
export function placeOf(path: string, source: Source): Place | 'absent' | undefined {
  switch (path) {
    case 'user.username':
      return { from: optional('dyn(request.userInfo).?username'), shape: 'text', steps: [] };
    case 'user.uid':
      return { from: optional('dyn(request.userInfo).?uid'), shape: 'text', steps: [] };
    case 'user.groups':
      return { from: USER, shape: 'object', steps: [{ key: 'groups', shape: 'texts' }] };
    case 'objectRef.resource':
      return { from: optional('dyn(request.requestResource).?resource'), shape: 'name', steps: [] };
    case 'objectRef.apiVersion':
      return { from: optional('dyn(request.requestResource).?version'), shape: 'name', steps: [] };
    case 'objectRef.apiGroup':
      // The API server says of the core group that it is '', and the audit log nothing.
      return {
        from: optional('optional.ofNonZeroValue(dyn(request.requestResource.group))'),
        shape: 'name',
        steps: [],
      };
    case 'objectRef.subresource':
      return { from: optional('dyn(request).?requestSubResource'), shape: 'name', steps: [] };
    case 'objectRef.namespace':
      return { from: optional('dyn(request).?namespace'), shape: 'name', steps: [] };
    case 'objectRef.name':
      // What a deletecollection deletes is named by the object alone.
      return {
        from: optional(
          source.isDelete ? 'dyn(request).?name.or(oldObject.?metadata.?name)' : 'dyn(request).?name',
        ),
        shape: 'text',
        steps: [],
      };
    case 'objectRef.uid':
    case 'objectRef.resourceVersion':
      return 'absent';
  }
  const [top = '', second, ...rest] = path.split('.');
  if (top === 'user' && second === 'extra' && rest.length > 0) {
    return {
      from: optional('dyn(request.userInfo).?extra'),
      shape: 'object',
      steps: [{ key: rest.join('.'), shape: 'texts' }],
    };
  }
  if (!EVENT.includes(top)) return 'absent';
  if (top !== 'requestObject' || second === undefined) return undefined;
  const keys = [second, ...rest];
  return {
    from: source.isDelete ? optional('dyn(request).?options') : { text: 'object', isOptional: false },
    shape: 'object',
    steps: source.isTyped ? typedSteps(keys) : keys.map((key) => ({ key, shape: 'anything' })),
  };
}

/** What an event at admission may have; what it has and cannot show is asked before. */
const EVENT = [
  'kind',
  'apiVersion',
  'verb',
  'user',
  'objectRef',
  'requestObject',
  'provenance',
  'receivedAt',
];

const USER: Ref = { text: 'dyn(request.userInfo)', isOptional: false };

function optional(text: string): Ref {
  return { text, isOptional: true };
}

/** Below a map of texts, whatever follows is one key, dots and all. Below what is not known, nothing is. */
function typedSteps(keys: readonly string[]): readonly Step[] {
  const steps: Step[] = [];
  let isKnown = true;
  for (const [at, key] of keys.entries()) {
    const shape: Shape = isKnown ? shapeOf(keys[at - 1] ?? '', key) : 'anything';
    steps.push({ key, shape });
    if (shape === 'map' && at + 1 < keys.length) {
      return [...steps, { key: keys.slice(at + 1).join('.'), shape: 'text' }];
    }
    isKnown = shape === 'object' || shape === 'objects';
  }
  return steps;
}
