import { askedAndOff } from '../../policy/ruleset.ts';
import type { DecisionRecord } from '../../records/decision-record.ts';
import { GROUPS, type Finding, type Group } from './judge.ts';
import type { ScanRules } from './rules.ts';
import type { ScannedObject } from './scanned-object.ts';

/** What scan found, as `--format json` prints it. */
export interface ScanReport {
  readonly suspicious: readonly DecisionRecord[];
  readonly undetermined: readonly DecisionRecord[];
  readonly verified: readonly DecisionRecord[];
  readonly schemaVersion: 1;
  readonly ruleset: string;
  readonly rules: { readonly asked: number; readonly off: readonly (Named & { readonly why: string })[] };
  /** Filters that accept by who asked: asked only where an object's owner shows it. */
  readonly filtersByUser: readonly Named[];
  /** Where was looked; absent: everywhere. */
  readonly namespaces?: readonly string[];
  readonly read: {
    readonly pods: number;
    readonly workloads: number;
    /** Of other kinds than scan reads. */
    readonly others: number;
    /** In namespaces where no rule looks. */
    readonly elsewhere: number;
    /** Objects that no rule matches and every rule could be decided of, with what they come from. */
    readonly withoutFinding: number;
    /** Pods that were gone when they were looked at again. */
    readonly gone: number;
  };
  readonly unreadable: readonly { readonly from: string; readonly problem: string }[];
}

interface Named {
  readonly id: string;
  readonly title: string;
}

/** A finding with what the report text shows beside it. */
export interface PlacedFinding extends Finding {
  readonly isPod: boolean;
  /** Titles of rules that match it, or pods that come from it, in mode `audit`: common, and yet worth a look. */
  readonly noted: readonly string[];
}

export type Findings = ReturnType<typeof createFindings>;

/** Gathers findings. Of a workload there is something to say, too, where there is of a pod that comes from it. */
export function createFindings({ ruleset, byUser, namespaces }: ScanRules) {
  const pods: PlacedFinding[] = [];
  const workloads = new Map<string, Finding>();
  const read = { pods: 0, workloads: 0, others: 0, elsewhere: 0, gone: 0 };
  let podsWithout = 0;
  /** By what pods with a finding come from: what is noted of them. */
  const notedOfRoots = new Map<string, readonly string[]>();
  const unreadable: { from: string; problem: string }[] = [];

  return {
    read,
    unreadable,
    add({ kind, namespace, name }: ScannedObject, finding: Finding): void {
      if (kind !== 'Pod') {
        read.workloads++;
        workloads.set(keyOf(namespace, kind, name), finding);
        return;
      }
      read.pods++;
      if (!finding.isOfInterest) {
        podsWithout++;
        return;
      }
      const noted = notedIn(finding);
      pods.push({ ...finding, isPod: true, noted });
      const { root } = finding.origin;
      if (root === undefined) return;
      const key = keyOf(namespace, root.kind, root.name);
      notedOfRoots.set(key, [...new Set([...(notedOfRoots.get(key) ?? []), ...noted])]);
    },
    /** Everything there is something to say of, by group. */
    groups(): Readonly<Record<Group, readonly PlacedFinding[]>> {
      const all = [
        ...pods,
        ...[...workloads].flatMap(([key, finding]) =>
          finding.isOfInterest || notedOfRoots.has(key)
            ? [
                {
                  ...finding,
                  isPod: false,
                  noted: [...new Set([...notedIn(finding), ...(notedOfRoots.get(key) ?? [])])],
                },
              ]
            : [],
        ),
      ];
      return Object.fromEntries(
        GROUPS.map((group) => [group, all.filter((finding) => finding.group === group).toSorted(byPlace)]),
      ) as unknown as Record<Group, readonly PlacedFinding[]>;
    },
    report(): ScanReport {
      const groups = this.groups();
      const recordsOf = (group: Group) => groups[group].map(({ record }) => record);
      const said = GROUPS.reduce((sum, group) => sum + groups[group].length, 0);
      return {
        suspicious: recordsOf('suspicious'),
        undetermined: recordsOf('undetermined'),
        verified: recordsOf('verified'),
        schemaVersion: 1,
        ruleset: ruleset.digest,
        rules: askedAndOff(ruleset),
        filtersByUser: byUser.map(({ id, title }) => ({ id, title })),
        ...(namespaces === undefined ? {} : { namespaces }),
        read: {
          pods: read.pods,
          workloads: read.workloads,
          others: read.others,
          elsewhere: read.elsewhere,
          withoutFinding: podsWithout + pods.length + workloads.size - said,
          gone: read.gone,
        },
        unreadable,
      };
    },
  };
}

function notedIn({ record: { matches } }: Finding): readonly string[] {
  return matches.filter(({ mode }) => mode === 'audit').map(({ title }) => title);
}

function keyOf(namespace: string, kind: string, name: string): string {
  return `${namespace}/${kind}/${name}`;
}

function byPlace({ record: a }: Finding, { record: b }: Finding): number {
  return compare(a.namespace, b.namespace) || compare(a.name, b.name) || compare(a.kind, b.kind);
}

function compare(a = '', b = ''): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
