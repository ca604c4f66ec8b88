import { expect, it } from '@jest/globals';
import { filter, id, load, problemsIn, rule } from './rulesets.ts';

const CREATE_POD = { verb: ['create', 'patch'], 'objectRef.resource': 'pods' };
const IN_KUBE_SYSTEM = { ...CREATE_POD, 'objectRef.namespace': 'kube-system' };

/** The messages on filters that accept anybody, of rules on pods in kube-system and on pods anywhere. */
function warned(selection: object, more: object = {}, detection: object = IN_KUBE_SYSTEM): readonly string[] {
  return problemsIn([rule(1, detection), rule(2, CREATE_POD), filter(3, selection, more)])
    .filter(({ code }) => code === 'filter-accepts-anybody')
    .map(({ message }) => message);
}

it('is a warning with the file, the line, the filter and a rule', () => {
  expect(problemsIn([rule(1, IN_KUBE_SYSTEM), filter(2, { 'user.username': '*' })])).toEqual([
    {
      code: 'filter-accepts-anybody',
      severity: 'warning',
      file: '1.yml',
      line: 1,
      path: 'filter',
      message:
        'filter "Filter 2" accepts a request of any user: rule "Rule 1" never warns of one, nor denies it; expected a filter that names its users',
    },
  ]);
});

it.each([
  ['any username', { 'user.username': '*' }],
  ['a username that contains nothing', { 'user.username|contains': '' }],
  ['users that are not one', { 'user.username|neq': 'mallory' }],
  ['every user by a group', { 'user.groups': 'system:authenticated' }],
  ['clients without credentials', { 'user.groups': 'system:unauthenticated' }],
  ['the verb', { verb: 'patch' }],
  ['pods without labels', { 'requestObject.metadata.labels.team': null }],
])('a filter that asks for %s accepts anybody', (_, selection) => {
  expect(warned(selection)).toEqual([
    'filter "Filter 3" accepts a request of any user: rule "Rule 1" (and 1 more) never warns of one, nor denies it; expected a filter that names its users',
  ]);
});

it.each([
  ['a user', { 'user.username|cased': 'alice' }],
  ['a group', { 'user.groups|cased': 'system:masters' }],
  ['users by a beginning', { 'user.username|startswith|cased': 'system:node:' }],
  ['what a pod has', { 'requestObject.metadata.labels.team': 'blue' }],
  ['another namespace', { 'objectRef.namespace|cased': 'default' }],
])('a filter that asks for %s does not', (_, selection) => {
  expect(warned(selection)).toEqual([]);
});

it('a filter that asks for nothing but what its rule does accepts anybody there, and the other rules are not named', () => {
  expect(warned({ 'objectRef.namespace|cased': 'kube-system' })).toEqual([
    'filter "Filter 3" accepts a request of any user: rule "Rule 1" never warns of one, nor denies it; expected a filter that names its users',
  ]);
});

it('each of the values a rule requires is asked about', () => {
  const either = { ...CREATE_POD, 'objectRef.namespace': ['default', 'kube-system', 'kube-public'] };
  expect(warned({ 'objectRef.namespace': 'kube-public' }, {}, either)).toHaveLength(1);
});

it('a filter is asked only about rules that it is for', () => {
  expect(warned({ 'user.username': '*' }, { rules: [id(9)] })).toEqual([]);
});

it('a filter that keeps only what it selects accepts whatever it does not select', () => {
  expect(warned({ 'user.username': 'alice' }, { condition: 'selection' })).toHaveLength(1);
});

it('is said at every door, of filters by user at scan too, and stops no load', () => {
  const documents = [rule(1, IN_KUBE_SYSTEM), filter(2, { 'user.username': '*' })];
  expect(
    (['serve', 'replay', 'scan'] as const).map((door) =>
      load(documents, { door }).warnings.map(({ code }) => code),
    ),
  ).toEqual([['filter-accepts-anybody'], ['filter-accepts-anybody'], ['filter-accepts-anybody']]);
});
