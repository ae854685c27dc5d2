/** What stores hold over time, from rows that each tell of one database at one moment. Pure. */

export interface UsageFigures {
  readonly bytes: number;
  readonly objects: number;
}
export interface UsageRow extends UsageFigures {
  readonly store: string;
  /** Empty: objects that belong to no database. */
  readonly database: string;
  readonly at: Date;
  readonly source: 'measured' | 'estimated';
}
export interface UsageMoment extends UsageFigures {
  readonly at: Date;
}

/** Of all databases together, at each moment at which one of them changed. Oldest first; the rows may be in any order. */
export function storeSeries(rows: readonly UsageRow[]): readonly UsageMoment[] {
  const latest = new Map<string, UsageFigures>();
  const series: UsageMoment[] = [];
  for (const row of [...rows].sort((a, b) => a.at.getTime() - b.at.getTime())) {
    latest.set(row.database, row);
    const last = series.at(-1);
    const moment = { at: row.at, ...sumUsage([...latest.values()]) };
    if (last?.at.getTime() === row.at.getTime()) series[series.length - 1] = moment;
    else series.push(moment);
  }
  return series;
}

export function sumUsage(figures: readonly UsageFigures[]): UsageFigures {
  return figures.reduce((sum, { bytes, objects }) => ({ bytes: sum.bytes + bytes, objects: sum.objects + objects }), {
    bytes: 0,
    objects: 0,
  });
}
