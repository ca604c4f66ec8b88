import { posix } from 'node:path';
import { defineConfig } from 'oxlint';

/**
 * The rooms of src from the ground up, each with the rooms that its files may import beside their own. commands and main.ts
 * stand above them all.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  io: [],
  kubernetes: ['io'],
  'sigma/match': ['io'],
  'sigma/read': ['io', 'sigma/match'],
  certificates: ['io'],
  policy: ['io', 'kubernetes', 'sigma'],
  cel: ['io', 'kubernetes', 'sigma', 'policy'],
  provenance: ['io', 'kubernetes', 'sigma'],
  self: ['io', 'kubernetes', 'policy'],
  registration: ['cel', 'kubernetes', 'policy', 'sigma'],
  records: ['io', 'kubernetes', 'policy', 'self', 'sigma'],
  settings: ['io', 'kubernetes', 'policy', 'registration', 'self', 'sigma'],
  webhook: ['certificates', 'io', 'kubernetes', 'policy', 'records', 'registration', 'self', 'sigma'],
  cluster: ['certificates', 'io', 'kubernetes', 'policy', 'registration', 'self', 'settings'],
};

/** A command imports no other. */
const COMMANDS = [
  'allowlist',
  'certificates',
  'install-check',
  'manifests',
  'replay',
  'rules',
  'scan',
  'serve',
];

export default defineConfig({
  categories: { correctness: 'error', suspicious: 'error' },
  plugins: ['typescript', 'unicorn', 'oxc', 'import', 'promise', 'node', 'jest'],
  rules: {
    'eslint/no-shadow': 'off',
    'unicorn/consistent-function-scoping': 'off',
    'unicorn/no-useless-spread': 'off',
    'import/no-cycle': ['error', { ignoreTypes: false }],
    'import/no-named-as-default-member': 'off',
    'jest/expect-expect': ['error', { assertFunctionNames: ['expect', 'check*', 'fc.assert'] }],
    'jest/no-conditional-expect': 'off',
    'jest/no-disabled-tests': 'off',
    'jest/no-standalone-expect': 'off',
    'jest/valid-describe-callback': 'off',
    'jest/valid-title': 'off',
  },
  overrides: [
    ...Object.entries(ROOMS).map(([room, others]) => mayImport(room, others)),
    ...COMMANDS.map((command) => mayImport(`commands/${command}`, Object.keys(ROOMS))),
  ],
  ignorePatterns: ['dist'],
});

/** Lets the files at the top of a room import their own room and `others`. */
function mayImport(room: string, others: readonly string[]) {
  const allowed = others.map((other) => `!${posix.relative(room, other)}/**`);
  const message = `${room} may import ${others.length === 0 ? 'no other room' : others.join(', ')}`;
  return {
    files: [`src/${room}/**`],
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ group: ['../**', ...allowed], message }] }],
    },
  };
}
