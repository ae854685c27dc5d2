/** The life of a store: active, draining, retired; and when it may be retired. Pure. */
import { canSatisfy, complianceOf, type CopyPolicy, type JudgedCopy, type PolicyStore } from './compliance';
import { isGood } from './copy-state';

/**
 * `draining`: no new backups go there; its copies can be read and count. `retired`: its copies count for nothing, nothing is
 * read from it or written to it.
 */
export type StoreLifeState = 'active' | 'draining' | 'retired';

export interface StoreLife {
  readonly store: string;
  readonly state: StoreLifeState;
  readonly since: Date;
  readonly who: string;
  readonly reason: string | null;
}

/** A store of which nothing is written down is active. */
export function lifeOf(lives: readonly Pick<StoreLife, 'store' | 'state'>[], store: string): StoreLifeState {
  return lives.find((life) => life.store === store)?.state ?? 'active';
}

export interface KeptBackup {
  readonly backupId: string;
  readonly tombstoned: boolean;
  readonly copies: readonly (JudgedCopy & { readonly countsAsProved: boolean })[];
}

export interface RetirementOfDatabase {
  readonly database: string;
  readonly policy: CopyPolicy | null;
  /** Stores that hold backups of the database and are not retired, the one in question among them. */
  readonly stores: readonly PolicyStore[];
  /** Those of them that take new backups. */
  readonly active: readonly string[];
  /** Complete and not deleted, newest first. */
  readonly backups: readonly KeptBackup[];
  /** Proved backups that always remain. */
  readonly minProved: number;
}

/** Why a store may not be retired. `backupId` is null where it is about the stores that are left. */
export interface RetirementObstacle {
  readonly database: string;
  readonly backupId: string | null;
  readonly clause: 'only-copy' | 'proved' | 'no-store' | 'copies' | 'media' | 'offsite';
  readonly sentence: string;
}

/** A backup of which a retired store still has objects. */
export interface RetiredCopy {
  readonly database: string;
  readonly backupId: string;
  /** null: the catalogue knows nothing of it. */
  readonly known: { readonly deleted: boolean } | null;
  /** Stores that are left, have a good copy by the catalogue, and show its manifest. */
  readonly goodAt: readonly string[];
}

/**
 * Why the objects at a retired store may not be deleted: they are the last that is left of a backup, or of one that the
 * catalogue does not know. Empty: they may. Copies may have been lost elsewhere since the store was retired.
 */
export function deletionObstacles(copies: readonly RetiredCopy[]): readonly RetirementObstacle[] {
  return copies.flatMap(({ database, backupId, known, goodAt }): RetirementObstacle[] => {
    if (known?.deleted === true || (known !== null && goodAt.length > 0)) return [];
    const sentence =
      known === null
        ? 'the catalogue does not know this backup: rebuild it from this store, or delete the backup by hand'
        : 'no other store that is left has a good copy';
    return [{ database, backupId, clause: 'only-copy', sentence }];
  });
}

/**
 * What would break if the copies at `store` counted no more: a backup's only good copy, the proved backups that always
 * remain, a clause of the policy of a kept backup, or the policy of backups to come. Empty: the store may be retired.
 */
export function retirementObstacles(store: string, of: RetirementOfDatabase): readonly RetirementObstacle[] {
  if (!of.stores.some(({ name }) => name === store)) return [];
  const left = of.stores.filter(({ name }) => name !== store);
  const found: RetirementObstacle[] = [];
  const add = (backupId: string | null, clause: RetirementObstacle['clause'], sentence: string) =>
    void found.push({ database: of.database, backupId, clause, sentence });

  const taking = left.filter(({ name }) => of.active.includes(name));
  if (taking.length === 0) add(null, 'no-store', 'no other store takes new backups');
  else if (of.policy !== null) {
    const now = new Set(canSatisfy(of.policy, of.stores).impossible.map(({ clause }) => clause));
    for (const { clause, sentence } of canSatisfy(of.policy, taking).impossible)
      if (!now.has(clause)) add(null, clause, `of new backups ${sentence}`);
  }

  const isLeft = (copy: JudgedCopy) => left.some(({ name }) => name === copy.store);
  for (const { backupId, copies, tombstoned } of of.backups) {
    if (!copies.some((copy) => copy.store === store && isGood(copy.state))) continue;
    if (!copies.some((copy) => isLeft(copy) && isGood(copy.state))) {
      add(backupId, 'only-copy', 'no other store that is left has a good copy');
      continue;
    }
    if (of.policy === null || tombstoned) continue;
    const before = complianceOf(of.policy, of.stores, copies);
    for (const { clause, have, sentence } of complianceOf(of.policy, left, copies).missing) {
      const lacked = before.missing.find((one) => one.clause === clause);
      if (lacked === undefined || lacked.have > have) add(backupId, clause, `${sentence} would be left`);
    }
  }

  const proved = of.backups.filter(
    ({ tombstoned, copies }) => !tombstoned && copies.some(({ countsAsProved }) => countsAsProved),
  );
  const remaining = proved.filter(({ copies }) => copies.some((copy) => copy.countsAsProved && isLeft(copy)));
  const floor = Math.min(Math.max(1, of.minProved), proved.length);
  if (remaining.length < floor) {
    for (const { backupId } of proved.filter((one) => !remaining.includes(one)).slice(0, floor - remaining.length))
      add(backupId, 'proved', `it is proved at ${store} alone, and ${floor} proved must remain`);
  }
  return found;
}
