/** Stores that break in the ways in which stores break, and can be mended again. */
import { open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { ToxicProxy, ToxicSpec } from '../toxiproxy';

/** Begins now; ends by the function that it resolves with. */
export type Fault = () => Promise<() => Promise<void>>;

export interface ChaosStore {
  readonly name: string;
  readonly faults: Readonly<Record<string, Fault>>;
  /** Files in which the server keeps the segments; null where it keeps them otherwise. */
  readonly segments: (() => Promise<string[]>) | null;
}

/** A folder: its disk goes away and comes back. */
export function folderUnderChaos(name: string, folder: string, database: string): ChaosStore {
  const away = `${folder}.away`;
  return {
    name,
    faults: {
      unmounted: async () => {
        await rename(folder, away);
        return async () => {
          // Whatever was made meanwhile in place of the disk is not the store.
          await rm(folder, { recursive: true, force: true });
          await rename(away, folder);
        };
      },
    },
    segments: () => filesBelow(path.join(folder, database, 'segments')),
  };
}

const toxic = (type: string, stream: ToxicSpec['stream'], attributes: ToxicSpec['attributes']): ToxicSpec => ({
  type,
  stream,
  attributes,
});
const TOXICS: Readonly<Record<string, readonly ToxicSpec[]>> = {
  'reset in mid-request': [toxic('reset_peer', 'upstream', { timeout: 20 })],
  hanging: [toxic('timeout', 'downstream', { timeout: 0 })],
  'slow to answer': [toxic('latency', 'downstream', { latency: 400, jitter: 200 })],
  '200 kB/s': [toxic('bandwidth', 'upstream', { rate: 200 })],
  'answers cut off': [toxic('limit_data', 'downstream', { bytes: 300 })],
};

/** A server behind a proxy. */
export function serverUnderChaos(name: string, proxy: ToxicProxy, segments: ChaosStore['segments']): ChaosStore {
  const faults: Record<string, Fault> = {
    down: async () => {
      await proxy.enable(false);
      return () => proxy.enable(true);
    },
  };
  for (const [fault, specs] of Object.entries(TOXICS))
    faults[fault] = async () => {
      const lifts: (() => Promise<void>)[] = [];
      for (const spec of specs) lifts.push(await proxy.add(spec));
      return async () => {
        for (const lift of lifts) await lift();
      };
    };
  return { name, faults, segments };
}

/** Changes one bit of a file, or removes it. */
export async function damageFile(file: string, how: 'flip' | 'remove'): Promise<void> {
  if (how === 'remove') return rm(file);
  const handle = await open(file, 'r+');
  try {
    const { size } = await handle.stat();
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, Math.floor(size / 2));
    byte[0]! ^= 1;
    await handle.write(byte, 0, 1, Math.floor(size / 2));
  } finally {
    await handle.close();
  }
}

export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
}
