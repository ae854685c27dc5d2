/** Splits SQL text into statements, and reads the names in those that pg_dumpall writes. Pure. */

/** Statements without their semicolon; comments and psql's backslash lines are left out. */
export function splitStatements(sql: string): string[] {
  const statements: string[] = [];
  let current = '';
  const finish = () => {
    if (current.trim() !== '') statements.push(current.trim());
    current = '';
  };
  for (let at = 0; at < sql.length;) {
    const rest = sql.slice(at, at + 2);
    if (rest === '--' || (sql[at] === '\\' && (at === 0 || sql[at - 1] === '\n'))) {
      const end = sql.indexOf('\n', at);
      at = end < 0 ? sql.length : end;
    } else if (sql[at] === "'" || sql[at] === '"') {
      const end = endOfQuoted(sql, at);
      current += sql.slice(at, end);
      at = end;
    } else if (sql[at] === ';') {
      finish();
      at += 1;
    } else {
      current += sql[at];
      at += 1;
    }
  }
  finish();
  return statements;
}

/** Index after the closing quote. `E'…'` has backslash escapes; other strings only doubled quotes. */
function endOfQuoted(sql: string, start: number): number {
  const quote = sql[start]!;
  const escapes = quote === "'" && /[eE]/.test(sql[start - 1] ?? '') && !/\w/.test(sql[start - 2] ?? ' ');
  for (let at = start + 1; at < sql.length; at += 1) {
    if (escapes && sql[at] === '\\') at += 1;
    else if (sql[at] === quote) {
      if (sql[at + 1] !== quote) return at + 1;
      at += 1;
    }
  }
  return sql.length;
}

/** The identifier that stands at the start of `text`, unquoted and folded, and what follows it; null when there is none. */
export function readIdentifier(text: string): { readonly name: string; readonly rest: string } | null {
  const quoted = /^\s*"((?:[^"]|"")*)"/.exec(text);
  if (quoted) return { name: quoted[1]!.replaceAll('""', '"'), rest: text.slice(quoted[0].length) };
  const plain = /^\s*([^\s",.;()]+)/.exec(text);
  return plain ? { name: plain[1]!.toLowerCase(), rest: text.slice(plain[0].length) } : null;
}
