/** The tables of docs/configuration.md, made from the JSON Schema so that they cannot drift from what is accepted. */

interface Json {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Json>>;
  readonly required?: readonly string[];
  readonly items?: Json;
  /** Of a table whose names the writer chooses: what stands behind each. */
  readonly additionalProperties?: Json | boolean;
  readonly anyOf?: readonly Json[];
  readonly oneOf?: readonly Json[];
}

interface Section {
  readonly path: string;
  readonly forms: readonly Json[];
  readonly text: string;
}

/** Markdown: one section an object, in the order in which the schema states them. */
export function referenceMarkdown(schema: Record<string, unknown>): string {
  const sections: Section[] = [];
  // The same object in two places (connection) is described once.
  const described = new Map<string, string>();
  collect('', schema as Json, sections, described);
  return sections
    .map(({ path, forms, text }) => {
      const heading = path === '' ? '## Top level' : `## \`${path}\``;
      const tables = forms.map((form) => table(form, described));
      const intro = text === '' ? '' : `${capital(text.replace(/\.$/, ''))}.\n\n`;
      return `${heading}\n\n${intro}${tables.join('\n\nor\n\n')}\n`;
    })
    .join('\n');
}

function collect(path: string, node: Json, sections: Section[], described: Map<string, string>): void {
  const forms = formsOf(node);
  if (forms.length === 0) return;
  const key = JSON.stringify(forms);
  if (described.has(key)) return;
  described.set(key, path);
  sections.push({ path, forms, text: node.description ?? '' });
  for (const form of forms) {
    for (const [field, child] of Object.entries(form.properties!)) {
      collect(join(path, field, child), child, sections, described);
    }
  }
}

/** The objects that may stand here: itself, its entries, or its alternatives. */
function formsOf(node: Json): readonly Json[] {
  if (node.properties) return [node];
  if (node.items) return formsOf(node.items);
  if (typeof node.additionalProperties === 'object') return formsOf(node.additionalProperties);
  return (node.anyOf ?? node.oneOf ?? []).filter((form) => form.properties);
}

function join(path: string, field: string, child: Json): string {
  const many = formsOf(child).length === 0 || child.properties ? '' : child.items ? '[]' : named(child);
  return `${path === '' ? '' : `${path}.`}${field}${many}`;
}

const named = (node: Json): string => (typeof node.additionalProperties === 'object' ? '.NAME' : '');

function table(form: Json, described: ReadonlyMap<string, string>): string {
  const rows = Object.entries(form.properties!).map(([field, child]) => {
    const home = formsOf(child).length > 0 ? described.get(JSON.stringify(formsOf(child))) : undefined;
    const link = home === undefined ? '' : `[\`${home}\`](#${anchor(home)})`;
    const meaning = [child.description, link].filter(Boolean).join('; see ');
    return `| \`${field}\` | ${kind(child)} | ${initial(child, form.required?.includes(field) ?? false)} | ${meaning} |`;
  });
  return ['| field | kind | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function kind(node: Json): string {
  if (node.const !== undefined) return `\`${String(node.const)}\``;
  if (node.enum) return node.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (node.items) return `list of ${formsOf(node).length > 0 ? 'fields' : plural(kind(node.items))}`;
  const alternatives = node.anyOf ?? node.oneOf;
  if (alternatives) return [...new Set(alternatives.map(kind))].join(' or ');
  if (node.properties) return 'fields';
  if (typeof node.additionalProperties === 'object') return `by name: ${kind(node.additionalProperties)}`;
  const pattern = node.pattern ?? '';
  if (pattern.includes('env:')) return 'secret reference';
  if (pattern.includes('%')) return 'amount';
  if (pattern.includes('ms|s|m')) return 'duration';
  if (pattern.includes('KMGT')) return 'size';
  if (Array.isArray(node.type)) return node.type.map((type: string) => kind({ type })).join(' or ');
  if (node.type === 'integer' || node.type === 'number') return range(node);
  if (node.type === 'boolean') return 'true or false';
  return 'text';
}

function range({ type, minimum, maximum }: Json): string {
  const noun = type === 'integer' ? 'whole number' : 'number';
  const from = minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER ? minimum : undefined;
  const to = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? maximum : undefined;
  if (from !== undefined && to !== undefined) return `${noun}, ${from} to ${to}`;
  return from === undefined ? noun : `${noun}, ${from} or more`;
}

function plural(text: string): string {
  return text === 'text' ? 'texts' : `${text}s`;
}

function initial(node: Json, required: boolean): string {
  if (required) return 'required';
  if (node.default === undefined) return '';
  return node.default === ''
    ? 'empty'
    : `\`${typeof node.default === 'string' ? node.default : JSON.stringify(node.default)}\``;
}

function anchor(path: string): string {
  return path.toLowerCase().replace(/[^a-z0-9_-]/g, '');
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
