/** Is a backup much slower or larger than its peers? Peers are finished backups of the same database and type. */
import { median, spread } from './statistics';
import { bytesText, spanText } from './texts';

export interface BackupFigures {
  readonly id: string;
  readonly type: 'full' | 'differential' | 'incremental';
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** From start to commit. */
  readonly durationMs: number;
  /** Of that, standing still: by load or by people. */
  readonly pausedMs: number;
  readonly bytesRead: number;
  /** New at the stores. */
  readonly bytesStored: number;
}

export type RegressionOf = 'duration' | 'speed' | 'size' | 'stored';

export interface Regression {
  readonly of: RegressionOf;
  readonly value: number;
  /** Median of the peers. */
  readonly usual: number;
  /** Value by usual; of speed the other way round, so more is always worse. */
  readonly ratio: number;
  /** For people. */
  readonly text: string;
}

export interface RegressionReport {
  readonly peers: number;
  /** Empty when nothing is out of the ordinary, or when there are too few peers to say. */
  readonly flags: readonly Regression[];
  /** Null, or why nothing can be said. */
  readonly unknown: string | null;
}

export interface RegressionLimits {
  /** @default 5 */
  readonly minPeers?: number;
  /** So many of the newest peers count. @default 20 */
  readonly maxPeers?: number;
  /** How much more than usual is "much". @default 1.5 */
  readonly ratio?: number;
  /** And how far beyond the peers' own spread. @default 4 */
  readonly spreads?: number;
}

/** A spread of nearly nothing would flag every breath: at least this share of what is usual. */
const LEAST_SPREAD = 0.05;

export function regressionOf(
  backup: BackupFigures,
  others: readonly BackupFigures[],
  limits: RegressionLimits = {},
): RegressionReport {
  const { minPeers = 5, maxPeers = 20, ratio: much = 1.5, spreads = 4 } = limits;
  const peers = others
    .filter(({ id, type, startedAt }) => id !== backup.id && type === backup.type && startedAt < backup.startedAt)
    .sort((a, b) => b.startedAt - a.startedAt)
    .slice(0, maxPeers);
  if (peers.length < minPeers)
    return {
      peers: peers.length,
      flags: [],
      unknown: `needs ${minPeers} earlier ${backup.type} backups to compare with, has ${peers.length}`,
    };
  const flags: Regression[] = [];
  const compare = (
    of: RegressionOf,
    figure: (one: BackupFigures) => number,
    more: boolean,
    verb: string,
    text: (value: number) => string,
  ) => {
    const value = figure(backup);
    const known = peers.map(figure).filter((one) => Number.isFinite(one));
    const usual = median(known);
    if (usual === null || usual <= 0 || !Number.isFinite(value)) return;
    const beyond = (more ? value - usual : usual - value) / Math.max(spread(known), usual * LEAST_SPREAD);
    const ratio = more ? value / usual : value > 0 ? usual / value : Infinity;
    if (ratio >= much && beyond >= spreads)
      flags.push({ of, value, usual, ratio, text: `${verb} ${text(value)}, usually ${text(usual)}` });
  };
  compare('duration', moving, true, 'without pauses took', spanText);
  compare(
    'speed',
    (one) => one.bytesRead / (moving(one) / 1_000),
    false,
    'read',
    (rate) => `${bytesText(rate)}/s`,
  );
  compare('size', ({ bytesRead }) => bytesRead, true, 'read', bytesText);
  compare('stored', ({ bytesStored }) => bytesStored, true, 'stored', bytesText);
  return { peers: peers.length, flags: flags.sort((a, b) => b.ratio - a.ratio), unknown: null };
}

const WORDS: Readonly<Record<RegressionOf, string>> = {
  duration: 'slower',
  speed: 'slower',
  size: 'larger',
  stored: 'more new',
};

/** A few words: `2.3 × slower`; null when nothing is out of the ordinary. */
export function regressionWord({ flags }: RegressionReport): string | null {
  const [worst] = flags;
  if (worst === undefined) return null;
  return `${Number.isFinite(worst.ratio) ? `${worst.ratio.toFixed(1)} × ` : ''}${WORDS[worst.of]}`;
}

/** A pause is the policy's doing, not a slower backup. */
const moving = ({ durationMs, pausedMs }: BackupFigures): number => Math.max(1, durationMs - pausedMs);
