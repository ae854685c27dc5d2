/** What the demo ends with: commands that a person would give, on its own stores, with their real output. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { demoError } from '../../errors/demo';
import { DEMO_DATABASE, type DemoStore } from './config-text';

/** Two of the stores, side by side. */
const COMPARED: readonly [DemoStore, DemoStore] = ['disk', 's3'];

export const CLOSING_COMMANDS: readonly (readonly string[])[] = [
  ['store', 'status'],
  ['store', 'diff', ...COMPARED],
  ['store', 'usage', '--measure'],
  ['store', 'cost'],
];

/** After a backup under load. */
export const LOAD_COMMANDS: readonly (readonly string[])[] = [['load', 'show', DEMO_DATABASE, '--since', '5m']];

export interface ClosingOptions {
  readonly commands: readonly (readonly string[])[];
  readonly configFile: string;
  readonly say: (line: string) => void;
  /** Whether what is said ends on a terminal that knows colours. */
  readonly colors: boolean;
  readonly signal: AbortSignal;
}

/** Runs each as a process of its own and says what it printed. Throws when one of them does not end well. */
export async function closingCommands({ commands, configFile, say, colors, signal }: ClosingOptions): Promise<void> {
  for (const words of commands) {
    say(`$ holdfast ${words.join(' ')}`);
    const { code, stdout, stderr } = await holdfast(['--config', configFile, ...words], colors, signal);
    for (const line of stdout.trimEnd().split('\n')) say(`  ${line}`);
    say('');
    if (code !== 0)
      throw demoError('DEMO_COMMAND_FAILED', `a command ended with exit code ${code}: ${stderr.trim()}`, {
        context: { command: words.join(' ') },
      });
  }
}

async function holdfast(args: readonly string[], colors: boolean, signal: AbortSignal) {
  const child = spawn(process.execPath, [join(__dirname, '..', 'main.js'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...(colors ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }) },
    signal,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, stdout, stderr };
}
