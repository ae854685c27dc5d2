/** What the process says to scripts. Stable; the table is printed in docs/exit-codes.md and held to it by a test. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  refused: 4,
  unreachable: 5,
  proofFailed: 6,
  denied: 7,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'done, and everything that was asked for holds',
  failed: 'the operation was tried and failed',
  usage: 'bad arguments, a bad configuration or keys that do not fit; nothing was tried',
  notFound: 'a database, backup, store, schedule, run or file of that name does not exist',
  refused:
    'refused for safety: a hold, a floor, an emergency stop, data in the way, another run, a missing confirmation, tools too old',
  unreachable: 'Temporal, the catalogue, a store or PostgreSQL could not be reached, or refused the login',
  proofFailed: 'a copy did not prove what was asked: damaged, incomplete or different',
  denied: 'the token is missing, unknown or expired, or lacks the role; nothing was tried',
  interrupted: 'Ctrl-C or a termination signal; work that runs on workers goes on',
};

/** Which codes mean what, in words of the codes themselves. First match wins; a test finds rules that match nothing. */
export const EXIT_RULES: readonly (readonly [exit: ExitCode, codes: readonly RegExp[]])[] = [
  [EXIT.interrupted, [/^CLI_INTERRUPTED$/]],
  [EXIT.denied, [/^ACCESS_/]],
  [
    EXIT.usage,
    [
      /^CLI_(USAGE|CONFIG_NOT_FOUND|KEYS_MISSING|FILE_EXISTS)$/,
      /^CONFIG_/,
      /_AMBIGUOUS$/,
      /^STORE_(CONFIG_INVALID|KEY_INVALID|REGION_WRONG)$/,
      /^REPO_(KEYS_INVALID|ID_KEY_WRONG|IDENTITY_\w+|SIGNING_KEY_ABSENT|PATH_INVALID)$/,
      /^(RESTORE_TARGET_NAME|RECOVER_STORE_URL|WORKER_NO_QUEUES|PROVISION_SETTING_WRONG)$/,
    ],
  ],
  [
    EXIT.refused,
    [
      /_EMERGENCY_STOP$/,
      /^CLI_(CONFIRMATION_REQUIRED|BACKUP_HELD|BACKUP_FLOOR|BACKUP_RUNNING|UP_LOCKED)$/,
      /_(NOT_EMPTY|EXISTS|EXIST|TOO_OLD|LOCKED)$/,
      /_REFUSED$/,
      /^(PG_RESTORE_RUNNING|RESTORE_TARGET_UNFIT|REPO_FOREIGN|STORE_CREATE_ONLY_IGNORED)$/,
    ],
  ],
  [
    EXIT.proofFailed,
    [
      /^VERIFY_/,
      /^CLI_AUDIT_DAMAGED$/,
      /_(DAMAGED|FORGED|MISPLACED|NO_GOOD_COPY|ROWS_DIFFER)$/,
      /^REPO_(SIGNER_UNKNOWN|SEGMENT_MISSING|COPY_INCOMPLETE|SUMMARY_MISMATCH)$/,
      /^STORE_CONTENT_MISMATCH$/,
    ],
  ],
  [
    EXIT.unreachable,
    [
      /_UNREACHABLE$/,
      /^PG_(TLS|AUTH_FAILED|TOO_MANY_CONNECTIONS|CONNECTION_LOST)$/,
      /^STORE_(ACCESS_DENIED|CREDENTIALS_\w+|TIMEOUT|THROTTLED|SERVER_ERROR|TLS_INVALID|CLOCK_SKEW)$/,
      /^(CATALOG_ACCESS_DENIED|CATALOG_BUSY|TEMPORAL_DENIED|RUN_NO_STORE|RUN_BREAKER_OPEN|REPO_NO_STORE_LEFT)$/,
    ],
  ],
  [
    EXIT.notFound,
    [
      /_(UNKNOWN|NOT_FOUND|NOTHING_FOUND|NOT_ACTIVE|NOT_INITIALISED)$/,
      /^(STORE_OBJECT_MISSING|STORE_BUCKET_MISSING|REPO_MANIFEST_MISSING)$/,
      /^(TEMPORAL_NAMESPACE_MISSING|CATALOG_DATABASE_MISSING)$/,
    ],
  ],
];

/** The exit status that an error code stands for. A code that no rule names means that the operation failed. */
export function exitCodeOf(code: string): ExitCode {
  return EXIT_RULES.find(([, patterns]) => patterns.some((pattern) => pattern.test(code)))?.[0] ?? EXIT.failed;
}
