import { quote } from '../../sigma/match/describe-value.ts';
import { identifiersOf } from './identifiers-of.ts';
import { termsOf } from '../../policy/filter-expiry.ts';
import { shortId } from '../../policy/short-id.ts';
import { requestKindsOf, operationsOf, type RequestKind } from '../../policy/needs.ts';
import { modeOfRule } from '../../policy/decision.ts';
import { techniques } from '../../policy/message.ts';
import type { Modes } from '../../policy/mode.ts';
import type { LoadedCondition, LoadedFilter, LoadedRule, Ruleset } from '../../policy/ruleset.ts';
import { meaningsOf } from '../../provenance/field-meanings.ts';
import { itemsOf } from '../../sigma/match/partial-evaluation.ts';
import type { Tree } from '../../sigma/match/tree.ts';
import { tacticName, tacticsOf, techniqueName } from './attack.ts';
import { indicatorRows } from './indicators.ts';
import type { JudgedRule } from './judged-rule.ts';
import { breakPath, COLUMNS, section, table, wrap } from '../../io/table.ts';
import { subresourcesReadLiterally } from './subresources.ts';
import { treeLines } from './tree-lines.ts';

/** What a page is made from. */
export interface Explained {
  readonly rule: LoadedRule;
  /** As the door loads it, filters and all. */
  readonly ruleset: Ruleset;
  /** The same rules at every door, without filters. */
  readonly atDoors: readonly Ruleset[];
  readonly modes: Modes;
  readonly judged?: JudgedRule | undefined;
}

/** The lines of the page a rule deserves. */
export function explanation(explained: Explained): readonly string[] {
  const { rule, ruleset, judged } = explained;
  const others = ruleset.rules.filter((other) => other !== rule);
  return [
    ...heading(rule),
    ...section('What it detects', about(rule)),
    ...section('MITRE ATT&CK', attack(rule)),
    ...section('What it covers', covered(explained)),
    ...section('Other loaded rules on the same operation', onSameOperation(rule, others)),
    ...(judged === undefined ? [] : section(`What is true of ${judged.file}`, verdict(judged, explained))),
    ...section('Stages', stages(rule, judged)),
    ...section('Indicators, and how many other loaded rules use the same', indicators(rule, others)),
    ...section('Filters that apply', filters(rule, judged)),
    ...section('Field mapping', mapping(rule)),
    ...section('Who made it, as found out in the cluster', provenance(rule)),
    ...section('At each door', doors(explained)),
  ];
}

const INDENT = 2;

function paragraph(text: string): readonly string[] {
  return wrap(text, COLUMNS - INDENT).map((line) => ' '.repeat(INDENT) + line);
}

function heading({ id, title, level, status, author, date, file, line }: LoadedRule): readonly string[] {
  const facts = [
    `level ${level}`,
    `status ${status}`,
    ...(author === undefined ? [] : [`by ${author}`]),
    ...(date === undefined ? [] : [date]),
  ];
  return [...wrap(title, COLUMNS), id, ...wrap(facts.join(', '), COLUMNS), `${file}:${line}`];
}

function about({ description, falsepositives, references }: LoadedRule): readonly string[] {
  return [
    ...(description ?? 'It does not say.').split(/\n\s*\n/).flatMap(paragraph),
    ...table([
      ...falsepositives.map((text, position) => [position === 0 ? 'false positives' : '', text]),
      ...references.map((text, position) => [position === 0 ? 'references' : '', text]),
    ]),
  ];
}

function attack({ tags }: LoadedRule): readonly string[] {
  const ids = techniques(tags);
  return table([
    ...tacticsOf(tags).map((slug) => ['tactic', tacticName(slug)]),
    ...ids.map((id) => ['technique', `${id} ${techniqueName(id) ?? ''}`.trim()]),
  ]);
}

/** Each kind of request once: as the audit log has it, and how admission is asked about it, if it is. */
function covered({ rule, atDoors }: Explained): readonly string[] {
  const atServe = atDoors.find(({ door }) => door === 'serve')?.rules.find((each) => each.id === rule.id);
  const { loadedConditions } = atServe ?? rule;
  const rows = loadedConditions
    .filter(({ classification }) => classification.class !== 'dead')
    .flatMap((condition) =>
      requestKindsOf(condition.tree).map((requestKind) => [
        requestKind.verbs?.join(', ') ?? 'any',
        what(requestKind),
        admission(requestKind, condition),
      ]),
    );
  const different = [...new Map(rows.map((each) => [each.join('\n'), each])).values()];
  if (different.length > 0) return table([['audit verb', 'of', 'admission operation'], ...different]);
  return paragraph(
    `Nothing: ${loadedConditions.map(({ classification }) => classification.reason).join('; ')}.`,
  );
}

function admission(requestKind: RequestKind, { classification }: LoadedCondition): string {
  if (!isAsked(classification.class)) return `none: ${classification.reason}`;
  const operations = operationsOf(requestKind);
  return operations.length === 0 ? 'none: reads never reach it' : operations.join(', ');
}

function what({ resource = 'anything', subresource, namespaces, apiGroups }: RequestKind): string {
  const part = subresource === undefined && resource !== 'anything' ? '*' : subresource;
  return [
    part === undefined || part === '' ? resource : `${resource}/${part}`,
    ...(apiGroups === undefined ? [] : [`of ${apiGroups.join(', ')}`]),
    ...(namespaces === undefined ? [] : [`in ${namespaces.join(', ')}`]),
  ].join(apiGroups === undefined ? ' ' : '\n  ');
}

function isAsked(name: string): boolean {
  return name === 'decidable' || name === 'approximate';
}

/** Those that name the same resource and subresource, and a verb in common. */
function onSameOperation(rule: LoadedRule, others: readonly LoadedRule[]): readonly string[] {
  const own = allRequestKinds(rule);
  const sharing = others.filter((other) =>
    allRequestKinds(other).some((theirs) => own.some((each) => isSameOperation(each, theirs))),
  );
  return sharing.length === 0
    ? paragraph('None.')
    : table(sharing.map(({ id, title, level }) => [shortId(id), level, title]));
}

function allRequestKinds({ loadedConditions }: LoadedRule): readonly RequestKind[] {
  return loadedConditions.flatMap(({ tree }) => requestKindsOf(tree));
}

function isSameOperation(a: RequestKind, b: RequestKind): boolean {
  if (a.resource === undefined || a.resource !== b.resource || a.subresource !== b.subresource) return false;
  return (
    a.verbs === undefined || b.verbs === undefined || a.verbs.some((verb) => b.verbs?.includes(verb) === true)
  );
}

function verdict(judged: JudgedRule, { rule, ruleset, modes }: Explained): readonly string[] {
  const { verb, otherVerbs, outcome } = judged;
  const asked =
    otherVerbs.length === 0 ? verb : `${verb} (or ${otherVerbs.join(', ')}: admission does not say)`;
  return table([
    ['judged as', `${ruleset.door} judges it, the audit verb being ${asked}`],
    ['verdict', verdictText(outcome, modeOfRule(rule, modes))],
  ]);
}

function verdictText(outcome: JudgedRule['outcome'], mode: string): string {
  switch (outcome.kind) {
    case 'matches':
      return `matches, and no filter accepts it; its mode is ${mode}`;
    case 'accepted':
      return `matches, but the filter ${quote(outcome.by.filter.title)} accepts it`;
    case 'unknown':
      return `cannot be judged: ${outcome.field} is not to be seen`;
    case 'off':
      return `not asked: ${outcome.why}`;
    case 'no match':
      return 'does not match';
  }
}

/** The condition first, then each search identifier it calls, as the event has its fields. */
function stages(rule: LoadedRule, judged: JudgedRule | undefined): readonly string[] {
  const rows = [
    ...rule.loadedConditions.map(({ text, tree, classification }, position) => {
      const name = rule.loadedConditions.length === 1 ? 'condition' : `condition ${position + 1}`;
      const note = isAsked(classification.class)
        ? ''
        : ` (${classification.class}: ${classification.reason})`;
      return row(name, `${text}${note}`, tree, judged);
    }),
    ...addedRows(rule, judged),
    ...identifiersOf(rule.loadedConditions.map(({ tree }) => tree)).flatMap(([name, tree]) =>
      treeRows(name, tree, judged),
    ),
  ];
  return [...table(rows), ...(rule.subresourceAdded ? ['', ...whyAdded(rule)] : [])];
}

function row(name: string, text: string, tree: Tree, judged: JudgedRule | undefined): readonly string[] {
  return judged === undefined ? [name, text] : [String(judged.truthOf(tree)), name, text];
}

/** What is true of the whole stands before what is true of its parts. */
function treeRows(name: string, tree: Tree, judged: JudgedRule | undefined): readonly (readonly string[])[] {
  const lines = treeLines(tree);
  const isHeaded = judged !== undefined && lines.length > 1;
  const rows = lines.map(({ text, tree: part }, position) => {
    const seen = judged !== undefined && part.kind === 'item' ? ` [${judged.found(part.item)}]` : '';
    return row(position === 0 && !isHeaded ? name : '', text + seen, part, judged);
  });
  return isHeaded ? [row(name, '', tree, judged), ...rows] : rows;
}

function addedRows(rule: LoadedRule, judged: JudgedRule | undefined): readonly (readonly string[])[] {
  const [condition] = rule.loadedConditions;
  if (!rule.subresourceAdded || condition?.tree.kind !== 'and') return [];
  const added = condition.tree.of.at(-1);
  return added === undefined ? [] : treeRows('(added)', added, judged);
}

/** Literally, SigmaHQ's sixteen rules match 14 requests of a cluster's log, so read 2: the other twelve ask for tokens. */
function whyAdded(rule: LoadedRule): readonly string[] {
  const others = allRequestKinds(rule).flatMap(subresourcesReadLiterally);
  const literally =
    others.length === 0 ? '' : ` Read literally it is also about ${[...new Set(others)].join(', ')}.`;
  return paragraph(
    `Added: objectRef.subresource is missing. The rule requires a resource and nowhere names a subresource, so it is about the resource itself.${literally} With --subresources literal it is read so.`,
  );
}

/** Leaves as much for values. */
const FIELD_WIDTH = 44;

function indicators(rule: LoadedRule, others: readonly LoadedRule[]): readonly string[] {
  const rows = indicatorRows(rule, others).map(([field, ...row]) => [breakPath(field, FIELD_WIDTH), ...row]);
  return table([['field', 'operator', 'value', 'others'], ...rows], { wrapped: 2 });
}

function filters(rule: LoadedRule, judged: JudgedRule | undefined): readonly string[] {
  if (rule.filters.length === 0) return paragraph('None.');
  return rule.filters.flatMap((loaded, position) => [
    ...(position === 0 ? [] : ['']),
    ...paragraph(filterTitle(loaded, judged)),
    ...table(
      [
        row('condition', loaded.filter.condition.text, loaded.tree, judged),
        ...identifiersOf([loaded.tree]).flatMap(([name, tree]) => treeRows(name, tree, judged)),
      ],
      { indent: 2 * INDENT },
    ),
  ]);
}

function filterTitle({ filter, tree }: LoadedFilter, judged: JudgedRule | undefined): string {
  const terms = termsOf(filter, Date.now()).map((term) => `, ${term}`);
  const title = `${shortId(filter.id)}  ${filter.title} (${filter.file}:${filter.line})${terms.join('')}`;
  if (judged === undefined) return title;
  if (judged.hasExpired(filter)) return `${title}: accepts nothing, its end had come`;
  const truth = judged.truthOf(tree);
  return `${title}: ${truth === 'unknown' ? 'cannot be judged' : truth ? 'does not accept it' : 'accepts it'}`;
}

function mapping({ loadedConditions }: LoadedRule): readonly string[] {
  const mapped = new Map(
    loadedConditions
      .flatMap(({ tree }) => itemsOf(tree))
      .filter(({ field, paths }) => field !== undefined && paths.join() !== field)
      .map(({ field = '', paths }) => [field, paths]),
  );
  return mapped.size === 0
    ? paragraph('None: every field is called as the audit event calls it.')
    : table(
        [...mapped].flatMap(([field, paths]) =>
          paths.map((path, position) => [position === 0 ? field : '', position === 0 ? 'is' : 'or', path]),
        ),
      );
}

/** Of the fields that no audit event has: nothing where neither the rule nor a filter of it asks for one. */
function provenance({ tree, filters: of }: LoadedRule): readonly string[] {
  const items = [tree, ...of.map((filter) => filter.tree)].flatMap(itemsOf);
  const meanings = meaningsOf(items.flatMap(({ paths }) => paths));
  return meanings.length === 0 ? [] : table(meanings);
}

function doors({ rule, atDoors, modes }: Explained): readonly string[] {
  const rows = atDoors.flatMap(({ door, rules }) => {
    const loaded = rules.find((each) => each.id === rule.id);
    if (loaded === undefined) return [];
    const { classification, loadedConditions, disabledReason } = loaded;
    const mode = disabledReason === undefined ? modeOfRule(loaded, modes) : '-';
    const switchedOff =
      isAsked(classification.class) && disabledReason !== undefined
        ? `; switched off by ${disabledReason}`
        : '';
    const isMixed = new Set(loadedConditions.map((condition) => condition.classification.class)).size > 1;
    const why = isMixed ? 'by condition:' : classification.reason;
    return [
      [door, classification.class, mode, `${why}${switchedOff}`],
      ...(isMixed ? loadedConditions.map(memberRow) : []),
    ];
  });
  return table([['door', 'class', 'mode', 'why'], ...rows]);
}

function memberRow({ classification: { class: name, reason } }: LoadedCondition, position: number) {
  return ['', '', '', `${position + 1} is ${name}: ${reason}`];
}
