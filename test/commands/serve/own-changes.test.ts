import { expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { OwnChange } from '../../../src/self/own-change.ts';
import { createOwnChanges } from '../../../src/commands/serve/own-changes.ts';

const CHANGE: OwnChange = {
  kind: 'ConfigMap',
  what: 'ConfigMap config',
  operation: 'UPDATE',
  dryRun: false,
  lowers: ['mode from enforce to warn'],
  notable: ['1 key changed: config.yaml'],
  by: { username: 'alice', groups: [] },
};

function ownChanges() {
  const lines: { readonly level: number; readonly msg: string }[] = [];
  const counted: OwnChange[] = [];
  const claims: string[] = [];
  const log = pino(
    { base: null, timestamp: false },
    { write: (line) => lines.push(JSON.parse(line) as (typeof lines)[number]) },
  );
  const observe = createOwnChanges({
    metrics: { observeOwnChange: (change) => counted.push(change) },
    log,
    onClaim: (by) => claims.push(by),
    limit: { burst: 2 },
  });
  return { observe, lines, counted, claims };
}

it('a change is counted and logged whole, worse where it lowers, less where it is a dry run', () => {
  const { observe, lines, counted, claims } = ownChanges();
  observe(CHANGE);
  observe({ ...CHANGE, lowers: [] });
  observe({ ...CHANGE, dryRun: true });
  expect(counted).toHaveLength(3);
  expect(lines.map(({ level }) => level)).toEqual([50, 40, 30]);
  expect(lines[0]).toEqual({
    ...CHANGE,
    level: 50,
    msg: 'alice changes what we are made of: ConfigMap config: mode from enforce to warn; 1 key changed: config.yaml',
  });
  expect(claims).toEqual(['alice', 'alice']);
});

it('forged reviews are all counted, and few of them logged; other kinds and levels are logged all the same', () => {
  const { observe, lines, counted } = ownChanges();
  for (let each = 0; each < 2_000; each += 1) observe(CHANGE);
  observe({ ...CHANGE, kind: 'Secret', what: 'Secret tls', lowers: [] });
  observe({ ...CHANGE, lowers: [] });
  expect(counted).toHaveLength(2_002);
  expect(lines.map(({ level }) => level)).toEqual([50, 50, 40, 40]);
});
