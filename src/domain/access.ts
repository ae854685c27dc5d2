/** Who may do what, where the configuration names tokens: roles, what each includes, what a command needs. */

/** From the least; `restore` hands data out and `administer` changes what is kept, so neither includes the other. */
export const ROLES = ['view', 'operate', 'restore', 'administer'] as const;
export type Role = (typeof ROLES)[number];

/** What a command may ask for: `none` is for the service itself, for files alone, and for when all else is lost. */
export type Need = Role | 'none';

/** What a command needs, and what it needs with one of its options: `store retire --dry-run` only looks. */
export interface Needs {
  readonly role: Need;
  /** Name of the option as the program sees it (`dryRun`) → what the command needs with it. */
  readonly with?: Readonly<Record<string, Need>>;
}

export const ROLE_MEANINGS: Readonly<Record<Role, string>> = {
  view: 'look: backups, stores, load, metrics, the audit log',
  operate: 'run, prove and steer backups and schedules, stop everything and let it go on; includes view',
  restore: 'restore a backup into a database; includes view',
  administer: 'change or delete what is kept and where, and when backups run; includes operate and view, not restore',
};

const INCLUDES: Readonly<Record<Role, readonly Role[]>> = {
  view: ['view'],
  operate: ['operate', 'view'],
  restore: ['restore', 'view'],
  administer: ['administer', 'operate', 'view'],
};

/** Whether roles, one of them or what one of them includes, meet a need. */
export function meets(roles: readonly Role[], need: Need): boolean {
  return need === 'none' || roles.some((role) => INCLUDES[role].includes(need));
}

/** The roles that meet a need by themselves, the narrowest first. */
export function rolesThatMeet(need: Role): readonly Role[] {
  return ROLES.filter((role) => INCLUDES[role].includes(need)).sort((a, b) => INCLUDES[a].length - INCLUDES[b].length);
}

/**
 * What a command needs as it was called. Of several options that change it the most demanding counts: each option's need
 * is asked for, so all of them must be met.
 */
export function needsOf(needs: Needs, options: Readonly<Record<string, unknown>>): readonly Need[] {
  const stated = Object.entries(needs.with ?? {}).flatMap(([option, need]) =>
    options[option] === undefined || options[option] === false ? [] : [need],
  );
  return stated.length > 0 ? stated : [needs.role];
}
