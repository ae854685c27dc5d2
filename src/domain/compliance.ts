/**
 * The 3-2-1 rule: so many copies, on so many kinds of media or providers, so many of them elsewhere. Pure: which stores
 * there are and what the copies' states are comes in, what is missing goes out, in words.
 */
import { isGood } from './copy-state';
import type { CopyState, StoreRole } from './names';

export interface CopyPolicy {
  readonly copies: number;
  /** Different kinds of media or providers among the copies. */
  readonly media: number;
  /** Copies at stores with the role `offsite`. */
  readonly offsite: number;
}

/** What a store is judged by. Texts are compared for equality and shown; null = not known. */
export interface PolicyStore {
  readonly name: string;
  readonly role: StoreRole;
  /** Kind of media or provider: `disk`, `aws`, `google`, … */
  readonly provider: string;
  readonly account: string | null;
  /** Reference to the secret that opens it, never the secret. */
  readonly credentials: string | null;
  readonly region: string | null;
  readonly endpoint: string | null;
  readonly bucket: string | null;
  /** The disk that a folder lies on. */
  readonly disk: string | null;
}

export type PolicyClause = 'copies' | 'media' | 'offsite';
export const POLICY_CLAUSES: readonly PolicyClause[] = ['copies', 'media', 'offsite'];

/** A clause that is not met, with the figures and a sentence that says so. */
export interface MissingClause {
  readonly clause: PolicyClause;
  readonly have: number;
  readonly want: number;
  readonly sentence: string;
}

export interface Satisfiability {
  /** Empty: the policy can be met. */
  readonly impossible: readonly MissingClause[];
  /** What one mishap would take away together, one sentence each. */
  readonly warnings: readonly string[];
}

export interface Compliance {
  /** `2/3`: copies that count, of those that are wanted; more than wanted are not shown. */
  readonly state: string;
  readonly met: number;
  readonly wanted: number;
  /** Copies that count and are proved. */
  readonly proved: number;
  readonly compliant: boolean;
  /** Empty when compliant. */
  readonly missing: readonly MissingClause[];
}

export interface JudgedCopy {
  readonly store: string;
  readonly state: CopyState;
}

/** Whether these stores can hold backups as the policy wants them when all of them have their copy. */
export function canSatisfy(policy: CopyPolicy, stores: readonly PolicyStore[]): Satisfiability {
  const have = figures(stores);
  const impossible = POLICY_CLAUSES.filter((clause) => have[clause] < policy[clause]).map((clause) => ({
    clause,
    have: have[clause],
    want: policy[clause],
    sentence: impossibleSentence(clause, have[clause], policy[clause], stores),
  }));
  return { impossible, warnings: separationWarnings(stores) };
}

/**
 * How far one backup meets the policy. Copies count from `complete`; damaged, lost, pending and retired ones do not, nor do
 * copies at stores that are not among `stores`. How many of them are proved is said beside it.
 */
export function complianceOf(
  policy: CopyPolicy,
  stores: readonly PolicyStore[],
  copies: readonly JudgedCopy[],
): Compliance {
  const stateOf = new Map(copies.map((copy) => [copy.store, copy.state]));
  const holding = stores.filter(({ name }) => isGood(stateOf.get(name) ?? 'lost'));
  const have = figures(holding);
  const missing = POLICY_CLAUSES.filter((clause) => have[clause] < policy[clause]).map((clause) => ({
    clause,
    have: have[clause],
    want: policy[clause],
    sentence: missingSentence(clause, have[clause], policy[clause], holding),
  }));
  const met = Math.min(have.copies, policy.copies);
  return {
    state: `${met}/${policy.copies}`,
    met,
    wanted: policy.copies,
    proved: holding.filter(({ name }) => stateOf.get(name) === 'proved').length,
    compliant: missing.length === 0,
    missing,
  };
}

/** Without a policy every store is to hold its copy. */
export function everyStore(stores: readonly PolicyStore[]): CopyPolicy {
  return { copies: stores.length, media: 0, offsite: 0 };
}

function figures(stores: readonly PolicyStore[]): Readonly<Record<PolicyClause, number>> {
  return {
    copies: stores.length,
    media: new Set(stores.map(({ provider }) => provider)).size,
    offsite: stores.filter(({ role }) => role === 'offsite').length,
  };
}

const count = (number: number, noun: string, plural = `${noun}s`) => `${number} ${number === 1 ? noun : plural}`;
const media = (number: number) => count(number, 'kind of media', 'kinds of media');
const kinds = (stores: readonly PolicyStore[]) =>
  [...new Set(stores.map(({ provider }) => provider))].sort().join(', ') || 'none';
const isAre = (number: number) => (number === 1 ? 'is' : 'are');

function impossibleSentence(clause: PolicyClause, have: number, want: number, stores: readonly PolicyStore[]): string {
  switch (clause) {
    case 'copies':
      return `${count(want, 'copy', 'copies')} ${isAre(want)} wanted, but there ${isAre(have)} ${count(have, 'store')}`;
    case 'media':
      return `${media(want)} ${isAre(want)} wanted, but the stores are of ${have} (${kinds(stores)})`;
    case 'offsite':
      return `${count(want, 'copy', 'copies')} elsewhere ${isAre(want)} wanted, but ${have === 0 ? 'no store has' : have === 1 ? 'one store has' : `${have} stores have`} the role offsite`;
  }
}

function missingSentence(clause: PolicyClause, have: number, want: number, holding: readonly PolicyStore[]): string {
  switch (clause) {
    case 'copies':
      return `${have} of ${count(want, 'copy', 'copies')}`;
    case 'media':
      return `${have} of ${media(want)} (${kinds(holding)})`;
    case 'offsite':
      return `${have} of ${count(want, 'copy', 'copies')} elsewhere`;
  }
}

type Shared = 'disk' | 'bucket' | 'endpoint' | 'account' | 'credentials' | 'region';

interface SharedFact {
  readonly fact: Shared;
  readonly of: (store: PolicyStore) => string | null;
  readonly danger: string;
  /** Facts that say it already when the same stores share them. */
  readonly saidBy: readonly Shared[];
}

const SHARED: readonly SharedFact[] = [
  { fact: 'disk', of: (store) => store.disk, danger: 'one broken disk takes them all', saidBy: [] },
  {
    fact: 'bucket',
    of: (store) => store.bucket && `${store.endpoint ?? store.provider}/${store.bucket}`,
    danger: 'whoever empties it takes them all',
    saidBy: [],
  },
  { fact: 'endpoint', of: (store) => store.endpoint, danger: 'when it is down they are all down', saidBy: ['bucket'] },
  {
    fact: 'account',
    of: (store) => store.account && `${store.provider}/${store.account}`,
    danger: 'its loss takes them all',
    saidBy: ['bucket'],
  },
  {
    fact: 'credentials',
    of: (store) => store.credentials,
    danger: 'who has them has them all',
    saidBy: ['bucket', 'account'],
  },
  {
    fact: 'region',
    // A region's name says something within one provider only; behind an endpoint of one's own it is a formality.
    of: (store) => (store.endpoint === null && store.region !== null ? `${store.provider}/${store.region}` : null),
    danger: 'when it is down they are all down',
    saidBy: ['disk', 'bucket'],
  },
];

/** Stores that one mishap would take together. */
function separationWarnings(stores: readonly PolicyStore[]): string[] {
  const said: { readonly fact: Shared; readonly names: readonly string[] }[] = [];
  const warnings: string[] = [];
  for (const { fact, of, danger, saidBy } of SHARED) {
    const groups = new Map<string, string[]>();
    for (const store of stores) {
      const value = of(store);
      if (value) groups.set(value, [...(groups.get(value) ?? []), store.name]);
    }
    for (const [value, names] of groups) {
      if (names.length < 2) continue;
      const known = said.some((one) => saidBy.includes(one.fact) && names.every((name) => one.names.includes(name)));
      said.push({ fact, names });
      if (!known) warnings.push(`${listed(names)} share the ${fact} ${value}: ${danger}`);
    }
  }
  return warnings;
}

function listed(names: readonly string[]): string {
  return names.length === 2 ? names.join(' and ') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
