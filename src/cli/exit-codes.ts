/** What the process says to scripts. Stable; the table is printed in docs/exit-codes.md and held to it by a test. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  refused: 4,
  unreachable: 5,
  proofFailed: 6,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'done, and everything that was asked for holds',
  failed: 'the operation was tried and failed',
  usage: 'bad arguments or a bad configuration; nothing was tried',
  notFound: 'a database, backup, store, schedule, run or file of that name does not exist',
  refused: 'refused for safety: a hold, a floor, data in the way, a missing confirmation, a newer server',
  unreachable: 'Temporal, the catalogue, a store or PostgreSQL could not be reached, or refused the login',
  proofFailed: 'a copy did not prove what was asked: damaged, incomplete or different',
  interrupted: 'Ctrl-C or a termination signal; work that runs on workers goes on',
};

/** First match wins. A code that no rule names means that the operation failed. */
const RULES: readonly (readonly [pattern: RegExp, exit: ExitCode])[] = [
  [/^CLI_INTERRUPTED$/, EXIT.interrupted],
  [/^CLI_(USAGE|CONFIG_|OPTION_|FILE_EXISTS)/, EXIT.usage],
  [/^CONFIG_/, EXIT.usage],
  [/^(VERIFY|PROOF|PROVE)_/, EXIT.proofFailed],
  [/^CLI_PROOF_/, EXIT.proofFailed],
  [/(_DAMAGED|_FORGED|_TAMPERED|_MISMATCH_DATA|SIGNATURE_INVALID|UNTRUSTED|_CORRUPT)$/, EXIT.proofFailed],
  [
    /(CONFIRM|_HELD|_ON_HOLD|_HOLD|_FLOOR|_NOT_EMPTY|_EXISTS|_REFUSED|_LOCKED|_PROTECTED|_TOO_NEW|_TOO_OLD)/,
    EXIT.refused,
  ],
  [
    /(_UNREACHABLE|_UNAVAILABLE|_CONNECT|_AUTH|_LOGIN|_DENIED|_CREDENTIALS|_TIMEOUT|_TIMED_OUT|_BREAKER_OPEN)/,
    EXIT.unreachable,
  ],
  [/(_NOT_FOUND|_UNKNOWN|_MISSING|_ABSENT|NO_RUN|_NO_BACKUP|_NO_COPY)$/, EXIT.notFound],
];

/** The exit status that an error code stands for. */
export function exitCodeOf(code: string): ExitCode {
  return RULES.find(([pattern]) => pattern.test(code))?.[1] ?? EXIT.failed;
}
