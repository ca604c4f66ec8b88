import { number, plural } from '../../io/text.ts';
import { shortId } from '../../policy/short-id.ts';
import type { PlacedFinding, ScanReport } from './findings.ts';
import type { Group } from './judge.ts';

const MARKS: Readonly<Record<Group, string>> = { suspicious: '✗', undetermined: '?', verified: '✓' };

/** How many names are written out of many alike. */
const SHOWN_NAMES = 3;
/** Of suspicious pods each name is worth reading. */
const SHOWN_SUSPICIOUS = 20;
/** More in one namespace are folded together by kind. */
const MAX_OWNERS = 12;

type Groups = Readonly<Record<Group, readonly PlacedFinding[]>>;

/**
 * What scan found, for people: namespace → owner → pods, the suspicious first and each explained, the others folded into a
 * line for those alike.
 */
export function scanReportText(report: ScanReport, groups: Groups): string {
  const sections = [
    head(report),
    section('suspicious', groups, explained),
    section('undetermined', groups, folded),
    section('verified', groups, folded),
    [
      `${count(groups.suspicious)} suspicious, ${count(groups.undetermined)} undetermined, ${count(groups.verified)} verified`,
    ],
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n');
}

function head({ read, rules, filtersByUser, namespaces, unreadable }: ScanReport): readonly string[] {
  const where = namespaces === undefined ? 'every namespace' : namespaces.join(', ') || 'no namespace';
  return [
    `read       ${plural(read.pods, 'pod')} and ${plural(read.workloads, 'workload')}, where the rules look: ${where}`,
    `rules      ${number(rules.asked)} asked${rules.off.length === 0 ? '' : `, ${number(rules.off.length)} off: they ask what no object shows`}`,
    ...(filtersByUser.length === 0
      ? []
      : [
          `filters    ${number(filtersByUser.length)} accept by who asked, which no object says; asked only of what owners show:`,
          ...filtersByUser.map(({ title }) => `             ${title}`),
        ]),
    ...(read.withoutFinding === 0
      ? []
      : [`nothing    to say of ${number(read.withoutFinding)}: no rule matches`]),
    ...(read.others === 0
      ? []
      : [`passed over ${plural(read.others, 'object')} of kinds that scan does not read`]),
    ...(read.elsewhere === 0 ? [] : [`passed over ${plural(read.elsewhere, 'object')} in other namespaces`]),
    ...(read.gone === 0 ? [] : [`gone       ${plural(read.gone, 'pod')}, when looked at again`]),
    ...unreadable.map(({ from, problem }) => `unreadable ${from}: ${problem}`),
  ];
}

function section(
  group: Group,
  groups: Groups,
  linesOf: (findings: readonly PlacedFinding[], mark: string) => readonly string[],
): readonly string[] {
  const findings = groups[group];
  if (findings.length === 0) return [];
  const lines = [group.toUpperCase()];
  for (const [namespace, inNamespace] of Map.groupBy(findings, ({ record }) => record.namespace ?? '')) {
    lines.push(`  ${namespace || '(no namespace)'}`);
    const byOwner = Map.groupBy(inNamespace, placeOf);
    if (group !== 'suspicious' && byOwner.size > MAX_OWNERS) {
      lines.push(...manyOwners(byOwner, MARKS[group]));
      continue;
    }
    for (const [owner, pods] of byOwner) {
      const beside = group === 'suspicious' ? besideOf(namespace, owner, groups) : '';
      lines.push(`    ${owner}${beside}`, ...linesOf(pods, MARKS[group]));
    }
  }
  return lines;
}

/** What comes from each of many owners is folded once more: a line for those of one kind that are alike. */
function manyOwners(byOwner: ReadonlyMap<string, readonly PlacedFinding[]>, mark: string): readonly string[] {
  const owned = [...byOwner].filter(([owner]) => owner !== WITHOUT_OWNER);
  const alike = alikeBy(owned, ([, findings]) =>
    JSON.stringify([findings[0]?.origin.root?.kind, notedOf(findings)]),
  );
  const others = byOwner.get(WITHOUT_OWNER) ?? [];
  return [
    ...(others.length === 0 ? [] : [`    ${WITHOUT_OWNER}`, ...folded(others, mark)]),
    ...alike.flatMap((owners) => {
      const all = owners.flatMap(([, findings]) => findings);
      const [first] = all;
      if (first === undefined) return [];
      const kind = first.origin.root?.kind ?? '';
      const names = owners.slice(0, SHOWN_NAMES).map(([, [of]]) => of?.origin.root?.name ?? '');
      return [
        `    ${plural(owners.length, kind)} ${names.join(', ')}${owners.length > SHOWN_NAMES ? ', …' : ''}`,
        `      ${mark} ${count(all)}, such as ${first.record.name}: ${first.reason}`,
        ...notedLines({ isPod: true, noted: notedOf(all) }),
      ];
    }),
  ];
}

const WITHOUT_OWNER = 'no owner';

/** Everything stands under what its owners begin with. */
function placeOf({ origin: { root } }: PlacedFinding): string {
  return root === undefined ? WITHOUT_OWNER : `${root.kind} ${root.name}`;
}

/** How many pods of the same owner are what they say: among them the odd one shows. */
function besideOf(namespace: string, owner: string, groups: Groups): string {
  if (owner === WITHOUT_OWNER) return '';
  const others = (['verified', 'undetermined'] as const).flatMap((group) => {
    const alike = groups[group].filter(
      (finding) => finding.isPod && finding.record.namespace === namespace && placeOf(finding) === owner,
    );
    return alike.length === 0 ? [] : [`${number(alike.length)} ${group}`];
  });
  return others.length === 0 ? '' : `   (and ${others.join(', ')})`;
}

function explained(findings: readonly PlacedFinding[], mark: string): readonly string[] {
  return alikeBy(findings, (finding) =>
    JSON.stringify([finding.reason, imitationOf(finding), whatMatched(finding)]),
  ).flatMap((alike) => {
    const [first] = alike;
    if (first === undefined) return [];
    return [
      `      ${mark} ${namesOf(alike, SHOWN_SUSPICIOUS)}`,
      `          ${first.reason}`,
      ...imitationOf(first).map((text) => `          ${text}`),
      ...whatMatched(first).map((text) => `          ${text}`),
    ];
  });
}

/** A line for findings that are alike, with the titles of rules in mode `audit` that match. */
function folded(findings: readonly PlacedFinding[], mark: string): readonly string[] {
  const alike = alikeBy(findings, ({ isPod, record, reason, noted }) =>
    JSON.stringify([isPod || record.kind, reason, noted]),
  );
  return alike.flatMap((each) => {
    const [first] = each;
    if (first === undefined) return [];
    return [`      ${mark} ${namesOf(each)}: ${first.reason}`, ...notedLines(first)];
  });
}

function notedOf(findings: readonly PlacedFinding[]): readonly string[] {
  return [...new Set(findings.flatMap(({ noted }) => noted))].toSorted();
}

function notedLines({ noted, isPod }: Pick<PlacedFinding, 'noted' | 'isPod'>): readonly string[] {
  return noted.length === 0 ? [] : [`          noted${isPod ? '' : ' of its pods'}: ${noted.join(', ')}`];
}

function imitationOf({ record: { provenance = {} } }: PlacedFinding): readonly string[] {
  const { imitates, evidence = [] } = provenance;
  return imitates === undefined || imitates === 'unknown'
    ? []
    : [`it imitates ${imitates}: ${evidence.join('; ')}`];
}

/** The rules that no filter accepts it for, with their evidence. */
function whatMatched({ record: { matches } }: PlacedFinding): readonly string[] {
  return matches
    .filter(({ filter }) => filter === undefined)
    .map(({ id, title, level, mode, evidence }) => {
      const shown = evidence
        .filter(({ field }) => !WHERE.test(field))
        .map(({ field, value }) => `${field} = ${value}`);
      const because = [...new Set(shown)].slice(0, SHOWN_EVIDENCE).join(', ');
      return `${title} (${shortId(id)}, ${level}, ${mode})${because === '' ? '' : `: ${because}`}`;
    });
}

const SHOWN_EVIDENCE = 6;
/** Fields that the headings show already. */
const WHERE = /^(verb$|objectRef\.|provenance\.)/;

function namesOf(findings: readonly PlacedFinding[], limit = SHOWN_NAMES): string {
  const [first] = findings;
  const names = findings.map(({ record }) => record.name ?? '');
  const what =
    findings.length === 1
      ? (first?.record.kind ?? '').toLowerCase()
      : `${number(names.length)} ${(first?.record.kind ?? '').toLowerCase()}s`;
  const shown = names.slice(0, limit).join(', ');
  return `${what} ${shown}${names.length > limit ? ', …' : ''}`;
}

function alikeBy<T>(items: readonly T[], keyOf: (item: T) => string): readonly (readonly T[])[] {
  return [...Map.groupBy(items, keyOf).values()];
}

function count(findings: readonly PlacedFinding[]): string {
  const pods = findings.filter(({ isPod }) => isPod).length;
  const others = findings.length - pods;
  return others === 0 ? plural(pods, 'pod') : `${plural(pods, 'pod')} and ${plural(others, 'workload')}`;
}
