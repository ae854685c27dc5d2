import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isAlias, isMap, isSeq, LineCounter, parseDocument, type Document, type Node, type YAMLError } from 'yaml';
import { configError } from '../errors/config';
import { crossChecks } from './cross-checks';
import { formatFault, formatPath, type ConfigFault, type Finding } from './fault';
import { writtenLoadChecks } from './load-checks';
import { resolvePaths } from './resolve-paths';
import { configSchema, type HoldfastConfig } from './schema';
import { storeWarnings } from './store-names';
import { zodFindings } from './zod-findings';

/** A larger file is not a configuration. Bytes. */
export const CONFIG_MAX_BYTES = 1024 * 1024;
/** Total of nodes that aliases may stand for; refuses files made to grow without end. */
const MAX_ALIASED = 100;
const MAX_YAML_FAULTS = 20;

export type ParseResult =
  | {
      readonly ok: true;
      readonly config: HoldfastConfig;
      /** What is likely not meant as it stands, and works all the same. */
      readonly warnings: readonly ConfigFault[];
    }
  | { readonly ok: false; readonly faults: readonly ConfigFault[] };

/** Reads and checks holdfast.yaml; throws CONFIG_UNREADABLE, or CONFIG_INVALID with every fault on its own line. */
export async function loadConfig(path: string): Promise<HoldfastConfig> {
  const text = await readConfigText(path);
  const result = parseConfig(text, path);
  if (result.ok) return result.config;
  throw configError('CONFIG_INVALID', describeFaults(result.faults, path), {
    context: { file: path, faults: result.faults.length },
  });
}

/** The file's text. Throws CONFIG_UNREADABLE. */
export async function readConfigText(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    // parseConfig would refuse it too; this spares reading it.
    if (size > CONFIG_MAX_BYTES) throw configError('CONFIG_UNREADABLE', tooLarge(), { context: { file: path } });
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    const known: Readonly<Record<string, string>> = {
      ENOENT: 'the configuration file does not exist',
      EACCES: 'the configuration file may not be read',
      EISDIR: 'the configuration file is a folder',
    };
    if (!(code in known)) throw error;
    throw configError('CONFIG_UNREADABLE', known[code]!, { context: { file: path } });
  }
}

/** Checks the text of a holdfast.yaml. `fileName` gives relative paths their folder; nothing is read from disk. */
export function parseConfig(text: string, fileName: string): ParseResult {
  if (Buffer.byteLength(text) > CONFIG_MAX_BYTES) return refuse([fileFault(tooLarge())]);
  const lines = new LineCounter();
  let document: Document.Parsed;
  let value: unknown;
  try {
    document = parseDocument(text, {
      version: '1.2',
      lineCounter: lines,
      prettyErrors: false,
      uniqueKeys: true,
      stringKeys: true,
    });
    const problems = [...document.errors, ...document.warnings];
    if (problems.some(({ code }) => code === 'RESOURCE_EXHAUSTION'))
      return refuse([fileFault('the file is nested too deeply')]);
    // One slip of the hand may make hundreds of them.
    if (problems.length > 0)
      return refuse(problems.slice(0, MAX_YAML_FAULTS).map((problem) => yamlFault(problem, lines)));
    value = document.toJS({ maxAliasCount: MAX_ALIASED });
  } catch (error) {
    return refuse([fileFault(unreadable(error))]);
  }
  if (value === null || value === undefined) return refuse([fileFault('the file is empty')]);

  const parsed = configSchema.safeParse(value);
  if (parsed.success)
    return {
      ok: true,
      config: resolvePaths(parsed.data, dirname(resolve(fileName))),
      warnings: sorted(locateAll(storeWarnings(value), document, lines)),
    };
  // The schema runs the cross checks on a faultless structure only; here they are listed with all other faults.
  const findings = [
    ...crossChecks(value),
    ...writtenLoadChecks(value),
    ...zodFindings(configSchema, value, parsed.error.issues),
  ];
  return refuse(locateAll(findings, document, lines));
}

/** Every fault or warning, one a line, for a person. */
export function describeFaults(faults: readonly ConfigFault[], fileName: string): string {
  if (faults.length === 1) return formatFault(faults[0]!, fileName);
  return `${faults.length} faults\n${faults.map((fault) => `  - ${formatFault(fault, fileName)}`).join('\n')}\n`;
}

function refuse(faults: readonly ConfigFault[]): ParseResult {
  return { ok: false, faults: sorted(faults) };
}

function sorted(faults: readonly ConfigFault[]): ConfigFault[] {
  return [...faults].sort((a, b) => a.line - b.line || a.column - b.column);
}

function fileFault(message: string): ConfigFault {
  return { path: '', line: 1, column: 1, message, hint: null };
}

function tooLarge(): string {
  return 'the file is larger than 1 MiB';
}

function unreadable(error: unknown): string {
  if (error instanceof RangeError) return 'the file is nested too deeply';
  if (error instanceof ReferenceError) return 'aliases stand for too much content';
  return 'the file cannot be read as YAML';
}

function yamlFault(problem: YAMLError, lines: LineCounter): ConfigFault {
  const { line, col } = lines.linePos(problem.pos[0]);
  return { path: '', line, column: col, ...yamlMessage(problem) };
}

function yamlMessage(problem: YAMLError): Pick<ConfigFault, 'message' | 'hint'> {
  switch (problem.code as string) {
    case 'DUPLICATE_KEY':
      return { message: 'the field is stated twice', hint: 'Keep one of them' };
    case 'MULTIPLE_DOCS':
      return { message: 'the file holds more than one document', hint: 'Remove the line ---' };
    case 'TAB_AS_INDENT':
      return { message: 'a tab stands where YAML wants spaces', hint: 'Indent with spaces' };
    case 'UNEXPECTED_TOKEN':
      // The parser repeats the text, which may be a secret.
      return { message: 'the text does not belong here', hint: 'Check indentation and quotes' };
    case 'TAG_RESOLVE_FAILED':
      return { message: 'tags (!…) are not used here', hint: null };
    default: {
      const fact = problem.message.split('\n')[0]!.replace(/:\s*["'`].*$/, '');
      return { message: `not valid YAML: ${fact.charAt(0).toLowerCase()}${fact.slice(1)}`, hint: null };
    }
  }
}

function locateAll(findings: readonly Finding[], document: Document.Parsed, lines: LineCounter): ConfigFault[] {
  const seen = new Set<string>();
  return findings.flatMap((finding) => {
    const path = formatPath(finding.path);
    // The schema and the cross checks may both see the same fault.
    if (seen.has(`${path}\n${finding.message}`)) return [];
    seen.add(`${path}\n${finding.message}`);
    const { line, col } = lines.linePos(offsetOf(finding, document));
    return [{ path, line, column: col, message: finding.message, hint: finding.hint }];
  });
}

/** Where the finding stands in the file; a missing field is shown at what should hold it. */
function offsetOf({ path, at }: Finding, document: Document.Parsed): number {
  let node: Node | null | undefined = document.contents;
  let offset = node?.range?.[0] ?? 0;
  for (const [index, part] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    let next: unknown;
    let key: unknown;
    if (isMap(node)) {
      const pair = node.items.find((item) => (item.key as { value?: unknown } | null)?.value === part);
      key = pair?.key;
      next = pair?.value;
    } else if (isSeq(node)) {
      next = node.items[Number(part)];
    }
    if (key === undefined && next === undefined) return offset;
    const last = index === path.length - 1;
    const shown = (last && at === 'key' && key ? key : (next ?? key)) as Node;
    offset = shown.range?.[0] ?? offset;
    node = next as Node | null;
  }
  return offset;
}
