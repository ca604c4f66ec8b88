/** Node 24 runs TypeScript by stripping its types; jest does the same, so that tests run the very files `npm start` runs. */
const common = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/test/strip-types.js' },
};

/** End-to-end tests share one control plane. It is started only if one of them is to run. */
export default {
  projects: [
    {
      ...common,
      displayName: 'unit',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: ['<rootDir>/test/e2e/'],
      setupFilesAfterEnv: ['<rootDir>/test/timeout.ts'],
    },
    {
      ...common,
      displayName: 'e2e',
      testMatch: ['<rootDir>/test/e2e/**/*.test.ts'],
      globalSetup: '<rootDir>/test/e2e/lib/global-setup.js',
      globalTeardown: '<rootDir>/test/e2e/lib/global-teardown.js',
      runner: '<rootDir>/test/e2e/lib/serial-runner.js',
      setupFilesAfterEnv: ['<rootDir>/test/e2e/lib/timeout.ts'],
    },
  ],
};
