import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface TempFolder {
  readonly path: string;
  remove(): Promise<void>;
}

/** A fresh folder that everybody may search; remove it in `afterAll`. */
export async function tempFolder(label: string): Promise<TempFolder> {
  const folder = await mkdtemp(path.join(tmpdir(), `holdfast-test-${label}-`));
  return { path: folder, remove: () => rm(folder, { recursive: true, force: true, maxRetries: 3 }) };
}
