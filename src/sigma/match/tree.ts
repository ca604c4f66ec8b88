/**
 * A checked rule as plain data: and, or, not over detection items. Everything the engine does (evaluate, fold, classify,
 * explain) starts from this; nothing is decided from a rule's text a second time.
 */

/** Kleene's three values. `unknown` is a field this door, or this event, cannot show; never one that is absent. */
export type Truth = true | false | 'unknown';

export type Tree =
  | { readonly kind: 'and' | 'or'; readonly of: readonly Tree[] }
  | { readonly kind: 'not'; readonly of: Tree }
  | { readonly kind: 'item'; readonly item: DetectionItem }
  /** What a condition calls by name; only a label: it holds when `of` holds. */
  | { readonly kind: 'identifier'; readonly name: string; readonly of: Tree }
  /** Appears only by folding, or for an empty `and` / `or`. */
  | { readonly kind: 'constant'; readonly value: Truth };

/** One field and the values any one of which it may have. `all` and `neq` are `and` and `not` around items, not part of one. */
export interface DetectionItem {
  /** As the rule spells it; absent for keywords, which ask every scalar leaf of the event. */
  readonly field?: string;
  /** Where the field is read: its own name, or what the field mapping says. Several are a union. Empty for keywords. */
  readonly paths: readonly string[];
  /** As written, in order: `['contains', 'all']`. For people; their meaning is in `predicates` and the tree. */
  readonly modifiers: readonly string[];
  /** Never empty; the item holds if any holds. */
  readonly predicates: readonly Predicate[];
}

/** A pattern's parts in order: literal text, `*` (any length) and `?` (one code point). Adjacent literals are joined. */
export type PatternPart = string | { readonly wildcard: '*' | '?' };
export type Pattern = readonly PatternPart[];

/** One comparison. A value predicate holds if any reading satisfies it; `null` and `exists` look at all readings at once. */
export type Predicate =
  | { readonly kind: 'string'; readonly pattern: Pattern; readonly cased: boolean }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'null' }
  | { readonly kind: 'exists'; readonly value: boolean }
  /** RE2 syntax, unanchored; `flags` of i, m, s. */
  | { readonly kind: 'regex'; readonly source: string; readonly flags: string }
  | { readonly kind: 'cidr'; readonly network: string }
  | { readonly kind: 'compare'; readonly operator: 'lt' | 'lte' | 'gt' | 'gte'; readonly value: number }
  | { readonly kind: 'time'; readonly part: TimePart; readonly value: number }
  /** Another field of the same event; `paths` as in DetectionItem. */
  | {
      readonly kind: 'fieldref';
      readonly field: string;
      readonly paths: readonly string[];
      readonly comparison: 'equals' | 'contains' | 'startswith' | 'endswith';
    };

export const TIME_PARTS = ['minute', 'hour', 'day', 'week', 'month', 'year'] as const;
export type TimePart = (typeof TIME_PARTS)[number];
