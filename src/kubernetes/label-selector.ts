/** A label selector (meta/v1). */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

/** An object's labels as they came: no value but a text is selected. */
export type Labels = Readonly<Record<string, unknown>>;

/** Whether labels are selected (meta/v1 LabelSelector). No selector selects nothing; an empty one, everything. */
export function selects(selector: LabelSelector | undefined, labels: Labels): boolean {
  if (selector === undefined) return false;
  return (
    isSubset(selector.matchLabels ?? {}, labels) &&
    (selector.matchExpressions ?? []).every((expression) => holds(expression, labels))
  );
}

/** Whether `labels` has all of `required`. */
export function isSubset(required: Readonly<Record<string, string>>, labels: Labels): boolean {
  for (const key in required) if (!Object.hasOwn(labels, key) || labels[key] !== required[key]) return false;
  return true;
}

/** An operator that is not Kubernetes' selects nothing. */
function holds(
  { key, operator, values = [] }: NonNullable<LabelSelector['matchExpressions']>[number],
  labels: Labels,
): boolean {
  const label = Object.hasOwn(labels, key) ? labels[key] : undefined;
  const value = typeof label === 'string' ? label : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}
