/** docs/cli.md, made from the commands themselves. */
import type { Command, Option } from 'commander';

const INTRODUCTION = `# The command line

Made from the commands themselves: after a change, \`UPDATE_DOCS=1 npx jest --selectProjects unit -- cli/docs\` writes it again.

- The configuration is \`-c FILE\`, else \`./holdfast.yaml\`, else \`$HOLDFAST_CONFIG\`. While \`holdfast up\` runs with that
  file, commands find the services that it brings by themselves.
- \`--json\` prints one JSON document on standard output; progress is newline-JSON on standard error, \`{"progress": …}\`.
  A failure is \`{"error": {"code", "message", "hint", "exitCode", "context"}}\`. \`holdfast up --json\` prints its document
  as soon as everything answers, then runs on.
- On a terminal progress is drawn in place; elsewhere a plain line is printed at each change of phase and every 10 seconds.
- Exit codes: [exit-codes.md](exit-codes.md). Error codes: [errors.md](errors.md).
- A BACKUP is a backup id, the beginning or end of one, \`DATABASE\` or \`DATABASE@latest\` (its newest backup).
- Ctrl-C stops watching, never the work: \`holdfast backup show DATABASE --follow\` watches it again.
- \`--yes\` answers questions about what can be undone. What destroys data asks for a name to be typed; scripts pass the
  same name with \`--confirm NAME\`.
`;

/** Every command that can be run, groups left out, in the order of the help. A group with arguments is a command too. */
export function leafCommands(program: Command): readonly Command[] {
  return program.commands.flatMap((command) => {
    if (command.commands.length === 0) return [command];
    return command.registeredArguments.length > 0 ? [command, ...leafCommands(command)] : leafCommands(command);
  });
}

/** `holdfast backup run`. */
export function commandPath(command: Command): string {
  return command.parent === null ? command.name() : `${commandPath(command.parent)} ${command.name()}`;
}

export function renderReference(program: Command): string {
  const sections = leafCommands(program).map(renderCommand);
  const globals = renderOptions(program.options.filter((option) => option.long !== '--version'));
  return `${INTRODUCTION}\n## Options of every command\n\n${globals}\n\n${sections.join('\n\n')}\n`;
}

function renderCommand(command: Command): string {
  const usage = [
    commandPath(command),
    ...command.registeredArguments.map((argument) =>
      argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
    ),
  ];
  if (command.options.length > 0) usage.push('[options]');
  const described = command.registeredArguments.filter(
    (argument) => argument.description !== '' || argument.argChoices,
  );
  const parts = [`## ${commandPath(command)}`, sentence(command.description()), `\`\`\`\n${usage.join(' ')}\n\`\`\``];
  if (described.length > 0) {
    parts.push(
      described
        .map((argument) => `- \`${argument.name()}\`: ${argument.description}${choices(argument.argChoices)}`)
        .join('\n'),
    );
  }
  if (command.options.length > 0) parts.push(renderOptions(command.options));
  const after = afterHelp(command);
  if (after !== '') parts.push(`\`\`\`text\n${after}\n\`\`\``);
  return parts.join('\n\n');
}

function renderOptions(options: readonly Option[]): string {
  const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
  const rows = options
    .filter((option) => !option.hidden)
    .map(
      (option) =>
        `| \`${option.flags.replaceAll('|', '\\|')}\` | ${cell(option.description)}${choices(option.argChoices)}${fallback(option)} |`,
    );
  return ['| option | |', '| --- | --- |', ...rows].join('\n');
}

function choices(values: readonly string[] | undefined): string {
  return values === undefined ? '' : ` (${values.map((value) => `\`${value}\``).join(', ')})`;
}

function fallback(option: Option): string {
  if (option.mandatory) return '; required';
  const value: unknown = option.defaultValue;
  return value === undefined || value === '' || typeof value === 'boolean' ? '' : `; default \`${String(value)}\``;
}

/** What `addHelpText('after')` adds: examples and remarks. Commander keeps it as a listener, so it is asked for. */
function afterHelp(command: Command): string {
  let text = '';
  const events = command as unknown as { emit(event: string, context: object): void };
  events.emit('afterHelp', { error: false, command, write: (part: string) => (text += part) });
  return text.trim();
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}
