import { expect, it } from '@jest/globals';
import { InvalidAuditEvent, parseAuditEvent } from '../src/kubernetes/logged-event.ts';
import { evaluate } from '../src/policy/evaluate.ts';
import type { Ruleset } from '../src/policy/ruleset.ts';
import { corpusFiles, corpusLines, corpusText, describeWithCorpus } from './corpus.ts';
import { filter, load, rule } from './policy/rulesets.ts';
import { FALCO_ACTIVITY_TWINS, FALCO_FILTERS, FALCO_TWINS } from './twins/falco.ts';
import { PANTHER_DISAGREEMENTS, PANTHER_TWINS } from './twins/panther.ts';

/** The titles of the rules that match an event of a log; undefined if it is none. */
function matchesOf(ruleset: Ruleset, logged: unknown): readonly string[] | undefined {
  try {
    const { matches } = evaluate(parseAuditEvent(logged), ruleset);
    return matches.filter((match) => match.filter === undefined).map((match) => match.rule.title);
  } catch (error) {
    if (error instanceof InvalidAuditEvent) return undefined;
    throw error;
  }
}

function loadTwins(twins: Readonly<Record<string, object>>, filters: readonly string[] = []): Ruleset {
  const rules = Object.entries(twins).map(([title, detection], index) =>
    rule(index, detection, { title, name: title }),
  );
  return load([...rules, ...filters], { door: 'replay' });
}

/** A table of tab-separated values, by the names in its first line. */
function tableOf(path: string): readonly Readonly<Record<string, string>>[] {
  const [names = [], ...rows] = corpusText(path)
    .trim()
    .split('\n')
    .map((line) => line.split('\t'));
  return rows.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index] ?? ''])));
}

describeWithCorpus('Panther’s events', () => {
  const twins = loadTwins(PANTHER_TWINS);
  const events = corpusLines('audit/panther/events.ndjson');
  const verdicts = tableOf('audit/panther/verdicts.tsv').map((row, index) => ({
    line: index + 1,
    rule: row['rule_id'] ?? '',
    test: row['test_name'] ?? '',
    expected: row['expected_alert'] === 'true',
  }));

  it('are 109, and every rule of their tests has a twin that can be decided', () => {
    expect([events.length, verdicts.length]).toEqual([109, 109]);
    expect(Object.keys(PANTHER_TWINS).toSorted()).toEqual(
      [...new Set(verdicts.map((each) => each.rule))].toSorted(),
    );
    expect(twins.rules.filter(({ classification }) => classification.class !== 'decidable')).toEqual([]);
  });

  it.each(verdicts)('$line: $rule: $test: $expected', ({ line, rule: id, expected }) => {
    const matches = matchesOf(twins, events[line - 1]) ?? [];
    const isDisagreement = Object.hasOwn(PANTHER_DISAGREEMENTS, line);
    expect(matches.includes(id)).toBe(isDisagreement ? !expected : expected);
  });

  it('without a verb are eleven, and no events', () => {
    const unreadable = verdicts.filter(({ line }) => matchesOf(twins, events[line - 1]) === undefined);
    expect(unreadable.map(({ line }) => line)).toEqual([1, 2, 4, 5, 6, 7, 18, 19, 20, 21, 22]);
  });
});

describeWithCorpus('Falco’s events', () => {
  const verdicts = tableOf('audit/falco.verdicts.tsv').map((row) => ({
    file: row['file'] ?? '',
    test: row['test'] ?? '',
    fires:
      row['rules_that_must_fire'] === '-'
        ? []
        : (row['rules_that_must_fire'] ?? '').split(';').map((each) => each.replace(/=\d+$/, '')),
    loaded: (row['rule_files_loaded'] ?? '').split(';'),
  }));

  function twinsFor(loaded: readonly string[]): Ruleset {
    const filters = loaded
      .flatMap((name) => (Object.hasOwn(FALCO_FILTERS, name) ? [FALCO_FILTERS[name]!] : []))
      .map(({ rules, selection }, index) => filter(index, selection, { rules }));
    const activity = loaded.includes('disallow_kactivity.yaml') ? {} : FALCO_ACTIVITY_TWINS;
    return loadTwins({ ...FALCO_TWINS, ...activity }, filters);
  }

  it('are 25, and 33 tests of them', () => {
    expect([corpusFiles('audit/falco', '.json').length, verdicts.length]).toEqual([25, 33]);
  });

  it.each(verdicts)('$test: $fires', ({ file, fires, loaded }) => {
    const matches = matchesOf(twinsFor(loaded), JSON.parse(corpusText(file)));
    if (fires.length === 0) expect(matches ?? []).toEqual([]);
    else expect(matches).toEqual(expect.arrayContaining(fires));
  });
});

describeWithCorpus('the log of a cluster that did nothing wrong, by SigmaHQ’s rules', () => {
  const documents = corpusFiles('sigma-rules', '.yml').map(corpusText);
  const lines = corpusLines('audit/immudb-log-audit/k8s.log') as readonly { readonly auditID: string }[];

  function matching(subresources: 'resource' | 'literal') {
    const ruleset = load(documents, { door: 'replay', subresources });
    // Judging takes an event over.
    const judged = lines.map((line) => ({ id: line.auditID, titles: matchesOf(ruleset, { ...line }) ?? [] }));
    const found = judged.filter(({ titles }) => titles.length > 0);
    const titles = found.flatMap((each) => each.titles);
    return {
      lines: found.length,
      requests: new Set(found.map(({ id }) => id)).size,
      byRule: Object.fromEntries(
        [...new Set(titles)].map((title) => [title, titles.filter((each) => each === title).length]),
      ),
    };
  }

  it('has 28 lines of 14 requests that match where subresources are read literally', () => {
    expect(lines).toHaveLength(2971);
    expect(matching('literal')).toEqual({
      lines: 28,
      requests: 14,
      byRule: { 'Kubernetes Secrets Enumeration': 4, 'New Kubernetes Service Account Created': 24 },
    });
  });

  it('has two requests that match as the rules are meant: no token is a service account', () => {
    expect(matching('resource')).toEqual({
      lines: 4,
      requests: 2,
      byRule: { 'Kubernetes Secrets Enumeration': 4 },
    });
  });
});
