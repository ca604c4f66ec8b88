import type { LoadedRule } from '../../policy/ruleset.ts';
import type { DetectionItem, Predicate, Tree } from '../../sigma/match/tree.ts';
import { describePredicate } from './describe-item.ts';

/** A field, how it is compared and with what: what rules are made of, and may have in common. */
interface Indicator {
  readonly field: string;
  readonly operator: string;
  readonly value: string;
  /** The same for every rule that asks the same of the same field, however it spells it. */
  readonly key: string;
}

/** Those of a rule, each once, in the order written. What must not be is another indicator than what must. */
function indicatorsOf({ loadedConditions }: LoadedRule): readonly Indicator[] {
  const all = loadedConditions.flatMap(({ tree }) => collect(tree, true));
  return [...new Map(all.map((indicator) => [indicator.key, indicator])).values()];
}

function collect(tree: Tree, isAsked: boolean): readonly Indicator[] {
  switch (tree.kind) {
    case 'constant':
      return [];
    case 'item':
      return tree.item.predicates.map((predicate) => indicator(tree.item, predicate, isAsked));
    case 'identifier':
      return collect(tree.of, isAsked);
    case 'not':
      return collect(tree.of, !isAsked);
    case 'and':
    case 'or':
      return tree.of.flatMap((branch) => collect(branch, isAsked));
  }
}

function indicator({ field, paths }: DetectionItem, predicate: Predicate, isAsked: boolean): Indicator {
  const { operator, value } = describePredicate(predicate);
  return {
    field: field ?? 'any value',
    operator: isAsked ? operator : `not ${operator}`,
    value,
    key: JSON.stringify([isAsked, paths, predicate]),
  };
}

/** Those of a rule by field and operator, with how many other rules use each; values that are as common share a row. */
export function indicatorRows(
  rule: LoadedRule,
  others: readonly LoadedRule[],
): readonly (readonly [field: string, operator: string, values: string, others: string])[] {
  const keys = others.map((other) => new Set(indicatorsOf(other).map(({ key }) => key)));
  const countOf = ({ key }: Indicator) => keys.filter((each) => each.has(key)).length;
  const byOperator = Map.groupBy(indicatorsOf(rule), ({ field, operator }) => `${field} ${operator}`);
  return [...byOperator.values()].flatMap((indicators) =>
    [...Map.groupBy(indicators, countOf)].map(([count, [first, ...more]], position) => {
      const values = [first, ...more].map((each) => each?.value ?? '').join(', ');
      const [field, operator] = position === 0 ? [first?.field, first?.operator] : [];
      return [field ?? '', operator ?? '', values, String(count)] as const;
    }),
  );
}
