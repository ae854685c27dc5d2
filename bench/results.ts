import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { DayResult } from './day';
import type { ImpactResult } from './impact';
import type { IncrementalResult } from './incremental';
import type { LaneResult } from './measure';
import type { SamplingResult } from './sampling';
import type { Steered } from './steer';
import type { SweepRow } from './sweep';

/** What was measured, section by section; a section that is measured again replaces its older figures. */
export interface Results {
  machine?: Readonly<Record<string, string>>;
  full?: Measured<readonly LaneResult[]>;
  incremental?: Measured<IncrementalResult>;
  sweep?: Measured<readonly SweepRow[]>;
  restore?: Measured<readonly LaneResult[]>;
  network?: Measured<readonly LaneResult[]>;
  copies?: Measured<readonly LaneResult[]>;
  providers?: Measured<readonly LaneResult[]>;
  sampling?: Measured<SamplingResult>;
  impact?: Measured<ImpactResult>;
  impactApart?: Measured<ImpactResult>;
  steer?: Measured<readonly Steered[]>;
  idleGoverned?: Measured<readonly LaneResult[]>;
  day?: Measured<DayResult>;
  large?: Measured<readonly LaneResult[]>;
}

export interface Measured<T> {
  readonly at: string;
  readonly megabytes: number;
  readonly rounds: number;
  /** Load average of the last minute when the section began: what else the machine was doing. */
  readonly loadBefore: number;
  readonly values: T;
}

export function readResults(file: string): Results {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Results) : {};
}

export function writeResults(file: string, results: Results): void {
  writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`);
}
