import { CLOSING_COMMANDS } from '../../../src/cli/demo/closing';
import { DEMO_STORES } from '../../../src/cli/demo/config-text';
import { buildProgram } from '../../../src/cli/program';

const program = buildProgram({ signal: new AbortController().signal, setExitCode: () => undefined });

describe('the commands that the demo ends with', () => {
  it.each(CLOSING_COMMANDS.map((words) => [words.join(' '), words] as const))('knows `holdfast %s`', (_, words) => {
    const [group, verb, ...rest] = words;
    const command = program.commands.find((one) => one.name() === group)?.commands.find((one) => one.name() === verb);
    expect(command).toBeDefined();
    for (const word of rest)
      if (word.startsWith('-')) expect(command!.options.map(({ long }) => long)).toContain(word);
      else expect(DEMO_STORES).toContain(word);
  });

  it('shows how the stores are, how they differ, what they hold and what they cost', () => {
    expect(CLOSING_COMMANDS.map((words) => words[1])).toEqual(['status', 'diff', 'usage', 'cost']);
  });
});
