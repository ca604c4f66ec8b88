import { quote } from '../match/describe-value.ts';
import { ModifierError } from './modifier-error.ts';
import { MODIFIERS, UNTOUCHED, type Modifier, type State } from './modifiers.ts';

/** What stands behind a field's name: `contains|all`. */
export interface ModifierChain {
  readonly names: readonly string[];
  /** In the order they are applied. */
  readonly modifiers: readonly Modifier[];
  readonly all: boolean;
  readonly neq: boolean;
  /** A value is an expression from the start: it is not read for wildcards. */
  readonly isRegex: boolean;
  readonly expand: boolean;
  /** Whether a value is placed within the text it is compared with. */
  readonly isPlaced: boolean;
  /** What every value must be, and the modifier that says so; any scalar if there is none. */
  readonly takes?: { readonly type: 'text' | 'number' | 'boolean'; readonly by: string };
}

/** Reads a chain. Throws a ModifierError for the first that is unknown, or cannot follow what stands before it. */
export function parseModifierChain(names: readonly string[], hasField: boolean): ModifierChain {
  const modifiers: Modifier[] = [];
  let state: State = 'value';
  let previous: string | undefined;
  let takes: ModifierChain['takes'];
  for (const [index, name] of names.entries()) {
    const modifier = MODIFIERS.get(name);
    if (modifier === undefined) throw unknownModifier(name);
    if (modifier.needsField === true && !hasField) {
      throw new ModifierError(
        'modifier-conflict',
        `${quote(name)} needs a field; expected its name before "|"`,
      );
    }
    if (modifier.once === true && names.indexOf(name) < index) {
      throw new ModifierError('modifier-conflict', `${quote(name)} stands twice; expected it once`);
    }
    if (!modifier.after.includes(state)) throw misplaced(name, modifier, previous, state);
    if (modifier.takes !== undefined) takes ??= { type: modifier.takes, by: name };
    const next = stateAfter(state, modifier);
    if (next !== state) previous = name;
    state = next;
    modifiers.push(modifier);
  }
  return {
    names,
    modifiers,
    all: names.includes('all'),
    neq: names.includes('neq'),
    isRegex: names.includes('re'),
    expand: names.includes('expand'),
    isPlaced: ['contains', 'startswith', 'endswith'].some((name) => names.includes(name)),
    ...(takes === undefined ? {} : { takes }),
  };
}

function stateAfter(state: State, { gives = state }: Modifier): State {
  if (gives === 'negated') return state === 'value' ? gives : state;
  if (gives === 'text') return UNTOUCHED.includes(state) ? gives : state;
  return gives;
}

function unknownModifier(name: string): ModifierError {
  const known = [...MODIFIERS.keys()];
  const expected = known.find((each) => each === name.trim().toLowerCase());
  const found = name === '' ? 'a modifier is missing after "|"' : `unknown modifier ${quote(name)}`;
  return new ModifierError(
    'unknown-modifier',
    `${found}; expected ${expected === undefined ? `one of ${known.join(', ')}` : quote(expected)}`,
  );
}

function misplaced(
  name: string,
  modifier: Modifier,
  previous: string | undefined,
  state: State,
): ModifierError {
  const isFirst = modifier.after.every((each) => UNTOUCHED.includes(each));
  const [found, expected] =
    previous === undefined
      ? [
          'stand first',
          `${namesThat(({ gives }) => gives !== undefined && modifier.after.includes(gives))} before it`,
        ]
      : [
          `follow ${quote(previous)}`,
          isFirst ? 'it first' : `${namesThat(({ after }) => after.includes(state))} there`,
        ];
  return new ModifierError('modifier-conflict', `${quote(name)} cannot ${found}; expected ${expected}`);
}

function namesThat(holds: (modifier: Modifier) => boolean): string {
  return [...MODIFIERS]
    .filter(([, modifier]) => holds(modifier))
    .map(([name]) => name)
    .join(', ');
}
