/** Completion scripts, made from the commands themselves: static, so that a Tab never waits for a process. */
import type { Command } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

interface Node {
  /** Words from the program's name on: `backup run`; empty for the program itself. */
  readonly path: string;
  readonly description: string;
  readonly children: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly { readonly flag: string; readonly description: string; readonly takesValue: boolean }[];
}

export function completionScript(program: Command, shell: Shell): string {
  const nodes = collect(program, []);
  switch (shell) {
    case 'bash':
      return bash(nodes);
    case 'zsh':
      return zsh(nodes);
    case 'fish':
      return fish(nodes);
  }
}

function collect(command: Command, path: readonly string[]): Node[] {
  const own = command.options.filter((option) => !option.hidden && option.long);
  const inherited = command.parent === null ? [] : rootOptions(command);
  const node: Node = {
    path: path.join(' '),
    description: command.description(),
    children: command.commands.map((child) => ({ name: child.name(), description: child.description() })),
    options: [...own, ...inherited].map((option) => ({
      flag: option.long!,
      description: option.description,
      takesValue: option.required || option.optional,
    })),
  };
  return [node, ...command.commands.flatMap((child) => collect(child, [...path, child.name()]))];
}

function rootOptions(command: Command): Command['options'] {
  return command.parent === null
    ? (command.options.filter((option) => option.long !== '--version') as Command['options'])
    : rootOptions(command.parent);
}

const wordsOf = (node: Node) => [
  ...node.children.map((child) => child.name),
  ...node.options.map((option) => option.flag),
];

/** The loop that bash and zsh share: the commands typed so far, without options. */
function bash(nodes: readonly Node[]): string {
  const cases = nodes.map((node) => `    '${node.path}') words='${wordsOf(node).join(' ')}' ;;`).join('\n');
  const known = nodes.map((node) => `'${node.path}'`).join('|');
  return `# bash completion of holdfast
_holdfast() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" path='' next word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) continue ;; esac
    next="\${path:+$path }$word"
    case "$next" in ${known}) path="$next" ;; esac
  done
  case "$path" in
${cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  if [ \${#COMPREPLY[@]} -eq 0 ]; then COMPREPLY=($(compgen -f -- "$cur")); fi
}
complete -o filenames -F _holdfast holdfast
`;
}

function zsh(nodes: readonly Node[]): string {
  const quote = (text: string) => text.replaceAll("'", "'\\''").replaceAll(':', '\\:');
  const cases = nodes
    .map((node) => {
      const entries = [
        ...node.children.map((child) => `'${child.name}:${quote(child.description)}'`),
        ...node.options.map((option) => `'${option.flag}:${quote(option.description)}'`),
      ];
      return `    '${node.path}') words=(${entries.join(' ')}) ;;`;
    })
    .join('\n');
  const known = nodes.map((node) => `'${node.path}'`).join('|');
  return `#compdef holdfast
# zsh completion of holdfast
_holdfast_complete() {
  local path_='' next word
  local -a words_typed
  words_typed=("\${(@)words[2,CURRENT-1]}")
  for word in $words_typed; do
    case "$word" in -*) continue ;; esac
    next="\${path_:+$path_ }$word"
    case "$next" in ${known}) path_="$next" ;; esac
  done
  local -a words
  case "$path_" in
${cases}
  esac
  _describe 'holdfast' words || _files
}
compdef _holdfast_complete holdfast
`;
}

function fish(nodes: readonly Node[]): string {
  const quote = (text: string) => text.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
  const lines = nodes.flatMap((node) => [
    ...node.children.map(
      (child) =>
        `complete -c holdfast -f -n "__holdfast_at '${node.path}'" -a ${child.name} -d '${quote(child.description)}'`,
    ),
    ...node.options.map(
      (option) =>
        `complete -c holdfast -n "__holdfast_at '${node.path}'" -l ${option.flag.slice(2)}${option.takesValue ? ' -r' : ''} -d '${quote(option.description)}'`,
    ),
  ]);
  const known = nodes.filter((node) => node.path !== '').map((node) => `'${node.path}'`);
  return `# fish completion of holdfast
function __holdfast_path
  set -l known ${known.join(' ')}
  set -l path ''
  for word in (commandline -opc)[2..-1]
    string match -q -- '-*' $word; and continue
    set -l next (string trim -- "$path $word")
    contains -- $next $known; and set path $next
  end
  echo $path
end
function __holdfast_at
  set -l here (__holdfast_path)
  test "$here" = "$argv[1]"
end
${lines.join('\n')}
`;
}
