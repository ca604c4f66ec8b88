import { defineConfig } from 'oxlint';

/** The rooms of src by what each may import of the others. Whoever stands above them all may import any. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  sigma: ['io/**'],
  kubernetes: ['io/**'],
  io: ['kubernetes/log-wrappers.ts'],
  tls: ['io/**', 'reloadable.ts'],
  provenance: ['io/**', 'kubernetes/**', 'sigma/**'],
  policy: ['io/**', 'kubernetes/**', 'reloadable.ts', 'sigma/**'],
  install: ['io/**', 'kubernetes/**', 'policy/**', 'sigma/**'],
  record: ['install/**', 'io/**', 'kubernetes/**', 'policy/**', 'sigma/**'],
  server: ['io/**', 'kubernetes/**', 'reloadable.ts', 'sigma/work-meter.ts', 'tls/**'],
  settings: ['install/**', 'io/**', 'kubernetes/**', 'policy/**', 'sigma/**'],
  cluster: ['install/**', 'io/**', 'kubernetes/**', 'policy/**', 'settings/**', 'tls/**'],
};

export default defineConfig({
  categories: { correctness: 'error', suspicious: 'error' },
  plugins: ['typescript', 'unicorn', 'oxc', 'import', 'promise', 'node', 'jest'],
  rules: {
    'eslint/no-shadow': 'off',
    'unicorn/consistent-function-scoping': 'off',
    'unicorn/no-useless-spread': 'off',
    'import/no-cycle': 'error',
    'import/no-named-as-default-member': 'off',
    'jest/expect-expect': ['error', { assertFunctionNames: ['expect', 'check*', 'fc.assert'] }],
    'jest/no-conditional-expect': 'off',
    'jest/no-disabled-tests': 'off',
    'jest/no-standalone-expect': 'off',
    'jest/valid-describe-callback': 'off',
    'jest/valid-title': 'off',
  },
  overrides: Object.entries(ROOMS).map(([room, others]) => ({
    files: [`src/${room}/**`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: ['../**', ...others.map((other) => `!../${other}`)],
              message: `${room} may import ${others.join(', ')}`,
            },
          ],
        },
      ],
    },
  })),
  ignorePatterns: ['dist'],
});
