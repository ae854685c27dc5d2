/**
 * Files of the write-ahead log that are used again, as a server has them that has been in use for a while. Each commit into a new file
 * waits until the file system has noted its growth, behind whatever else the machine writes.
 */
import type { Bench } from './bench';

/** What the server keeps for use again. Enough for all lanes of `impact`: pgbench at half capacity writes about 100 MB a minute. */
export const READY_LOG_MB = 4_096;
const FILE_MB = 16;

/** Fills so many files and has the checkpoint set them aside. */
export async function readyLogFiles(bench: Bench): Promise<void> {
  await bench.sql(`
    do $$ begin
      for file in 1..${READY_LOG_MB / FILE_MB - 8} loop
        perform pg_logical_emit_message(false, 'bench', 'x');
        perform pg_switch_wal();
      end loop;
    end $$`);
  await bench.sql('checkpoint');
}
