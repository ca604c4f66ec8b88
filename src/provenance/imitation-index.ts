import type { Workload } from './object-index.ts';
import { generatedBase, podPrefix } from './pod-names.ts';
import { isSubset, type Labels } from '../kubernetes/label-selector.ts';

/** Workloads with one owner: the ReplicaSets of a Deployment, the Jobs of a CronJob; or a workload alone. */
export interface Family {
  /** `Deployment`, or the kind of the workload itself. */
  readonly kind: string;
  readonly name: string;
  readonly members: readonly Workload[];
}

/** The workloads of a namespace, by the parts of them that a pod may show. */
export interface ImitationIndex {
  /** By its name: `coredns`. */
  readonly byName: ReadonlyMap<string, readonly Family[]>;
  /** By what its pods' generated names begin with: `coredns-5d78c9869d-`. */
  readonly byBase: ReadonlyMap<string, readonly Family[]>;
  /** Those whose selector could select a pod with these labels. */
  selecting(labels: Labels): readonly Workload[];
  /** Those with pods that a Service with this selector selects, as far as their own selectors tell. */
  selectedBy(selector: Readonly<Record<string, string>>): ReadonlySet<Family>;
  readonly familyOf: ReadonlyMap<Workload, Family>;
}

/**
 * The index of these workloads, made when first asked for and kept as long as the same list is given. Made
 * anew it costs about two microseconds a workload. A look-up costs one for each part of a name, and one for each label that
 * any workload is selected by: a pod's labels, of which there may be a hundred thousand, are not gone through.
 */
export function indexOf(workloads: Iterable<Workload>): ImitationIndex {
  const known = INDEXES.get(workloads);
  if (known !== undefined) return known;
  const index = createIndex(workloads);
  INDEXES.set(workloads, index);
  return index;
}

const INDEXES = new WeakMap<Iterable<Workload>, ImitationIndex>();

function createIndex(workloads: Iterable<Workload>): ImitationIndex {
  const byOwner = Map.groupBy(workloads, ({ kind, name, owner }) =>
    owner === undefined ? `${kind}/${name}` : `${owner.kind}/${owner.name}`,
  );
  const families = [...byOwner.values()].flatMap((members): readonly Family[] => {
    const [first] = members;
    return first === undefined ? [] : [{ ...(first.owner ?? first), members }].map(familyOnly);
  });
  const familyOf = new Map(
    families.flatMap((family) => family.members.map((member) => [member, family] as const)),
  );
  const byBase = new Map<string, Family[]>();
  for (const family of families)
    for (const { name, kind } of family.members)
      // The names of a StatefulSet's pods are not generated.
      if (kind !== 'StatefulSet') append(byBase, generatedBase(podPrefix(name)), family);
  const bySelector = new Map<string, Map<string, Workload[]>>();
  const byExpressionsAlone: Workload[] = [];
  for (const workload of familyOf.keys()) {
    const label = indexLabel(workload);
    if (label !== undefined) {
      const [key, value] = label;
      const byValue = bySelector.get(key) ?? new Map<string, Workload[]>();
      bySelector.set(key, byValue);
      append(byValue, value, workload);
      // An empty selector selects everything, which says nothing of a pod.
    } else if ((workload.selector?.matchExpressions ?? []).length > 0) byExpressionsAlone.push(workload);
  }
  const byLabel = new Map<string, Workload[]>();
  for (const workload of familyOf.keys())
    for (const [key, value] of Object.entries(workload.selector?.matchLabels ?? {}))
      append(byLabel, `${key}=${value}`, workload);
  return {
    byName: Map.groupBy(families, ({ name }) => name),
    byBase,
    selecting(labels) {
      const selecting = [...byExpressionsAlone];
      for (const [key, byValue] of bySelector) {
        const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
        if (typeof value === 'string') selecting.push(...(byValue.get(value) ?? NONE));
      }
      return selecting;
    },
    selectedBy(selector) {
      const having = Object.entries(selector).map(([key, value]) => byLabel.get(`${key}=${value}`) ?? NONE);
      const [fewest = NONE] = having.toSorted((a, b) => a.length - b.length);
      const selected = fewest.filter((workload) => isSubset(selector, workload.selector?.matchLabels ?? {}));
      return new Set(selected.flatMap((workload) => familyOf.get(workload) ?? []));
    },
    familyOf,
  };
}

const NONE: readonly Workload[] = [];

function familyOnly({ kind, name, members }: Family): Family {
  return { kind, name, members };
}

/** One label that every selected pod must have, one that few workloads share; undefined of a selector of expressions alone. */
function indexLabel({ selector }: Workload): readonly [key: string, value: string] | undefined {
  const labels = Object.entries(selector?.matchLabels ?? {});
  return labels.find(([key]) => SHARED_BY_NONE.includes(key)) ?? labels[0];
}

/** Labels by which controllers tell the pods of their workloads apart. */
const SHARED_BY_NONE = ['pod-template-hash', 'controller-uid', 'batch.kubernetes.io/controller-uid'];

function append<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else if (list.at(-1) !== value) list.push(value);
}
