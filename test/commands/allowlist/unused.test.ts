import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { allowlistUnused } from '../../../src/commands/allowlist/unused.ts';
import type { AllowlistUnusedConfig } from '../../../src/settings/types.ts';
import { captured } from '../rules/written.ts';

const [ALICE, BOB] = ['1', '2'].map((digit) => `${digit.repeat(8)}-1111-4111-8111-111111111111`);
const filterOf = (title: string, head: string) =>
  `title: ${title}\n${head}logsource: {product: kubernetes}\nfilter: {rules: any, s: {user.username: ${title}}, condition: not s}\n`;
const FILTERS = [
  filterOf('Alice', `id: ${ALICE}\n`),
  filterOf('Bob', `id: ${BOB}\nexpires: 2020-01-01\nowner: team-b\n`),
  filterOf('Without an id', ''),
].join('---\n');

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'unused-'));
  writeFileSync(join(directory, 'filters.yml'), FILTERS);
});
afterAll(() => rmSync(directory, { recursive: true }));

const record = (time: string, filter?: object) => ({
  schemaVersion: 1,
  door: 'serve',
  time,
  matches: [{ id: 'r', title: 'R', ...(filter === undefined ? {} : { filter }) }],
});
const lines = (...values: readonly object[]) => values.map((each) => `${JSON.stringify(each)}\n`).join('');

async function unused(content: string, told: Partial<AllowlistUnusedConfig> = {}) {
  writeFileSync(join(directory, 'records'), content);
  const { io, texts } = captured(directory);
  const stdin = (async function* () {})();
  const config: AllowlistUnusedConfig = {
    records: [join(directory, 'records')],
    rulesDirs: [],
    filtersDirs: [join(directory, 'filters.yml')],
    allowUsers: [],
    format: 'table',
    ...told,
  };
  const code = await allowlistUnused(config, { stdin, ...io });
  return { code, ...texts };
}

it('lists the filters that accepted nothing, with their terms, and since when the records run', async () => {
  const records = lines(
    record('2026-11-20T08:00:00Z', { id: ALICE, title: 'Alice' }),
    record('2026-11-24T08:00:00Z'),
    { level: 30, msg: 'serving' },
    record('2026-11-01T08:00:00Z'),
  );
  expect(await unused(records)).toEqual({
    code: 0,
    stdout: `\
3 records, 2026-11-01T08:00:00Z to 2026-11-24T08:00:00Z: of 3 filters, 2 accepted nothing.

  FILTER    TITLE          TERMS                               FILE
  22222222  Bob            expired 2020-01-01, owner "team-b"  filters.yml:6
            Without an id                                      filters.yml:13
`,
    stderr: '',
  });
});

it('knows a filter without an id by its title: the record was written where its file is called otherwise', async () => {
  const filter = { id: '/etc/filters/f.yml#Without an id', title: 'Without an id' };
  const { stdout } = await unused(lines(record('2026-11-20T08:00:00Z', filter)), { format: 'json' });
  expect(JSON.parse(stdout)).toEqual({
    records: { count: 1, others: 0, first: '2026-11-20T08:00:00Z', last: '2026-11-20T08:00:00Z' },
    filters: 3,
    unused: [
      { id: ALICE, title: 'Alice', file: 'filters.yml', line: 1 },
      { id: BOB, title: 'Bob', file: 'filters.yml', line: 6, expires: '2020-01-01', owner: 'team-b' },
    ],
  });
});

it('reads what scan prints, and --allow-user as the filter that it is', async () => {
  const filter = { id: '--allow-user ci#Allowed user ci', title: 'Allowed user ci' };
  const report = { suspicious: [], undetermined: [record('2026-11-20T08:00:00Z', filter)], verified: [] };
  const listed = async (content: string) => {
    const { stdout } = await unused(content, { format: 'json', filtersDirs: [], allowUsers: ['ci', 'cd'] });
    return (JSON.parse(stdout) as { unused: { title: string }[] }).unused.map(({ title }) => title);
  };
  expect(await listed(JSON.stringify(report))).toEqual(['Allowed user cd']);
});

it('says nothing of filters where there is no record', async () => {
  expect(await unused(lines({ level: 30, msg: 'serving' }))).toEqual({
    code: 2,
    stdout: '',
    stderr: 'no record among 1 line: what no filter accepted cannot be told\n',
  });
});

it('exits with 2 where a file cannot be read, and says which', async () => {
  const { code, stderr } = await unused(lines(record('2026-11-20T08:00:00Z')), {
    records: [join(directory, 'records'), join(directory, 'none')],
  });
  expect([code, stderr]).toEqual([2, expect.stringContaining('none: ')]);
});
