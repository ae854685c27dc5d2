import tseslint from 'typescript-eslint';
import importX from 'eslint-plugin-import-x';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';

// The import walls (ARCHITECTURE.md). Layers from the inside out; a layer may import those before it and itself.
const layers = [
  ['domain'],
  ['errors', 'config'],
  ['storage', 'postgres', 'provision'],
  ['load'],
  ['engines'],
  ['repository'],
  ['catalog'],
  ['verify', 'alerts'],
  ['activities'],
  ['workflows'],
  ['client'],
  ['workers'],
  ['cli', 'api', 'dashboard'],
];
const zones = layers.flatMap((names, level) =>
  level === layers.length - 1 ? [] : names.map((name) => ({
    target: `./src/${name}`,
    from: layers.slice(level + 1).flat().map((outer) => `./src/${outer}`),
    message: `src/${name} may not import outer layers (ARCHITECTURE.md, import walls)`,
  })),
);

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'coverage/', '**/*.js', '**/*.mjs', '**/*.cjs'] },
  ...tseslint.configs.recommended,
  {
    files: ['src/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts', 'scripts/**/*.ts'],
    languageOptions: { parserOptions: { project: './tsconfig.check.json', tsconfigRootDir: import.meta.dirname } },
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver()] },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      'no-console': 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'import-x/no-restricted-paths': ['error', { basePath: import.meta.dirname, zones }],
      'no-restricted-properties': ['error', { object: 'process', property: 'env', message: 'only entry points read the environment' }, { object: 'process', property: 'exit', message: 'only entry points exit' }],
    },
  },
  {
    // Workflow code runs in Temporal's sandbox: nothing of Node, nothing that is not pure.
    files: ['src/workflows/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { patterns: [{ group: ['node:*', 'zod', 'fs', 'path', 'crypto', '../config/*', '../errors/*', '../storage/*', '../postgres/*', '../repository/*', '../engines/*', '../catalog/*', '../verify/*', '../activities/*', '../client/*'], allowTypeImports: true, message: 'workflows import @temporalio/workflow, domain and types only' }] },
      ],
    },
  },
  { files: ['src/{domain,storage,postgres,engines,repository,verify,catalog,load,errors,config,cli,provision,client}/**/*.ts'],
    rules: { 'no-restricted-syntax': ['error', { selector: 'Identifier[name="ApplicationFailure"]', message: 'only workers/ turns errors into ApplicationFailure' }] } },
  // Entry points: the only places that read the environment, exit, or write to the terminal.
  { files: ['src/cli/**/*.ts', 'src/workers/main.ts', 'src/config/secrets.ts', 'src/provision/**/*.ts', 'bench/**/*.ts', 'scripts/**/*.ts', 'test/**/*.ts'], rules: { 'no-restricted-properties': 'off', 'no-console': 'off' } },
);
