/**
 * Takes secrets out of text before it reaches a log, an error, a payload or a screen. Too much is removed rather than
 * too little.
 */

const MASK = '***';
/** Shorter values are not removed as known secrets: they would hide ordinary words. */
const SHORTEST_SECRET = 4;
const REMEMBERED_MAX = 1_000;

const remembered = new Set<string>();

/** Makes `redact` remove this value wherever it appears in this process. Called where a secret is resolved. */
export function rememberSecret(value: string): void {
  if (value.length < SHORTEST_SECRET || remembered.has(value)) return;
  if (remembered.size >= REMEMBERED_MAX) remembered.delete(remembered.values().next().value!);
  remembered.add(value);
}

const SECRET_KEY =
  '(?:pg)?pass(?:word|wd|phrase)?|pwd|secret(?:[_-]?access)?(?:[_-]?key)?|(?:access|session|auth|security)?[_-]?token|api[_-]?key|signing[_-]?key|id[_-]?key|signature';

const PATTERNS: readonly { readonly find: RegExp; readonly put: string }[] = [
  // A private key, whole or cut off.
  {
    find: /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g,
    put: MASK,
  },
  { find: /AGE-SECRET-KEY-[A-Z0-9-]+/gi, put: MASK },
  // Tokens of Holdfast.
  { find: /\bhft_[\w-]{20,}/g, put: MASK },
  // JSON web tokens.
  { find: /\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?/g, put: MASK },
  // scheme://user:password@host; the password may itself hold @ or :
  { find: /\b([a-z][a-z0-9+.-]{0,30}:\/\/[^\s:/?#@"'<>]*):[^\s"'<>]*@/gi, put: `$1:${MASK}@` },
  {
    find: /\b((?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:bearer|basic|aws4-hmac-sha256)\s+)[^\r\n"']+/gi,
    put: `$1${MASK}`,
  },
  { find: /\b(bearer\s+)[\w.~+/=-]{8,}/gi, put: `$1${MASK}` },
  // password=…, PGPASSWORD='…', "secretAccessKey": "…", X-Amz-Signature=…
  {
    find: new RegExp(
      String.raw`((?:${SECRET_KEY})["']?\s*[:=]\s*)(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s"',;&})\]]+)`,
      'gi',
    ),
    put: `$1${MASK}`,
  },
  // 40 characters of base64 with upper case, lower case and digits: an AWS secret access key (a commit id is hex alone).
  {
    find: /(?<![A-Za-z0-9/+=])(?=[A-Za-z0-9/+]{0,39}[a-z])(?=[A-Za-z0-9/+]{0,39}[A-Z])(?=[A-Za-z0-9/+]{0,39}\d)[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])/g,
    put: MASK,
  },
];

/** `text` without secrets: known values (`secrets` and remembered ones), URL passwords, keys, tokens, `password=…`. */
export function redact(text: string, secrets: readonly string[] = []): string {
  let clean = removeKnown(text, [...secrets, ...remembered]);
  for (const { find, put } of PATTERNS) clean = clean.replace(find, put);
  return clean;
}

function removeKnown(text: string, secrets: readonly string[]): string {
  const spellings = secrets
    .filter((secret) => secret.length >= SHORTEST_SECRET && !/^\*+$/.test(secret))
    .flatMap((secret) => [secret, encodeURIComponent(secret.toWellFormed()), JSON.stringify(secret).slice(1, -1)])
    .sort((a, b) => b.length - a.length);
  let clean = text;
  for (let round = 0; round < 4; round += 1) {
    const before = clean;
    for (const spelling of spellings) clean = clean.replaceAll(spelling, () => MASK);
    if (clean === before) return clean;
  }
  // The mask itself keeps completing a secret: give nothing of this text away.
  return spellings.some((spelling) => clean.includes(spelling)) ? MASK : clean;
}
