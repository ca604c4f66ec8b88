import { describe, expect, it } from '@jest/globals';
import { unresolvedIds } from '../../src/policy/mode-ids.ts';

const EXEC = { id: 'e9ef1706-9fe5-4813-bb94-cc024c762db5', title: 'Exec Into Pod' };
const SEED = { id: 'a80d927d-ac6e-443f-a867-e8d6e3897318', title: 'Creation Of Pod In System Namespace' };
const TWIN = { id: 'a80d927d-0000-4000-8000-000000000000', title: 'Twin' };

const unresolved = (id: string, rules = [EXEC, SEED]) => unresolvedIds({ rules: { [id]: 'enforce' } }, rules);

describe('ids in the settings that do not name one rule', () => {
  it.each([EXEC.id, 'e9ef1706', 'e9ef1706-9fe5'])('%s names one', (id) => {
    expect(unresolved(id)).toEqual([]);
  });

  it.each([
    [
      'one digit is wrong',
      'e9ef1706-9fe5-4813-bb94-cc024c762db6',
      'no loaded rule has this id (did you mean e9ef1706-9fe5-4813-bb94-cc024c762db5?)',
    ],
    ['one digit of a short one is wrong', 'e9ef1707', 'no loaded rule has this id (did you mean e9ef1706?)'],
    ['nothing is near', '11111111-1111-4111-8111-111111111111', 'no loaded rule has this id'],
  ])('name none where %s', (_, id, why) => {
    expect(unresolved(id)).toEqual([{ id, mode: 'enforce', code: 'unknown-rule', why }]);
  });

  it('name more than one where two ids begin so', () => {
    expect(unresolved('a80d927d', [SEED, TWIN])).toEqual([
      {
        id: 'a80d927d',
        mode: 'enforce',
        code: 'ambiguous-rule',
        why: `more than one loaded rule has such an id: ${SEED.id}, ${TWIN.id}`,
      },
    ]);
  });
});
