// One configuration, several projects: `npm test` runs them all, `npx jest --selectProjects unit` one.
const base = {
  rootDir: __dirname,
  testEnvironment: 'node',
  transform: {
    '^.+\\.[mc]?[tj]s$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' }, module: { type: 'commonjs' }, sourceMaps: 'inline' },
    ],
  },
  // Packages that ship ES modules alone are compiled for jest's CommonJS registry.
  transformIgnorePatterns: ['/node_modules/(?!(age-encryption|@tus|srvx|cookie-es|@noble|@scure|node-pg-migrate|@alcalzone|glob|minimatch|brace-expansion|balanced-match|path-scurry|lru-cache|minipass)/)'],
  setupFiles: ['<rootDir>/test/support/setup.ts'],
};
const project = (name, extra = {}) => ({ ...base, displayName: name, testMatch: [`<rootDir>/test/${name}/**/*.test.ts`], ...extra });
module.exports = {
  // A machine that is busy with other tests is slow, not wrong; a test that may take longer says so itself.
  testTimeout: 30_000,
  projects: ['unit', 'contract', 'workflow', 'replay', 'integration', 'fault', 'e2e'].map((name) => project(name)),
};
