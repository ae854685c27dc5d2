/** What an unfinished run has stored, kept in the catalogue. Best effort: losing it costs an upload and nothing else. */
import type { Catalog } from '../catalog/types';
import type { JournalEntry, SegmentJournal } from '../repository/types';

const BATCH = 64;
const LONGEST_DELAY_MS = 200;

/** Entries are written in batches, one batch at a time, so that a slow catalogue never holds back the dump. */
export function createCatalogJournal(
  catalog: Pick<Catalog, 'journalLoad' | 'journalAppend'>,
  backupId: string,
  onLoss: (error: unknown) => void = () => undefined,
): SegmentJournal {
  let waiting: JournalEntry[] = [];
  let writing: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | null = null;

  const write = () => {
    if (timer) clearTimeout(timer);
    timer = null;
    if (waiting.length === 0) return writing;
    const batch = waiting;
    waiting = [];
    writing = writing.then(() => catalog.journalAppend(backupId, batch)).catch(onLoss);
    return writing;
  };
  return {
    async load() {
      try {
        return await catalog.journalLoad(backupId);
      } catch (error) {
        onLoss(error);
        return [];
      }
    },
    record(entry) {
      waiting.push(entry);
      if (waiting.length >= BATCH) void write();
      else timer ??= setTimeout(() => void write(), LONGEST_DELAY_MS).unref();
    },
    flush: () => write(),
  };
}
