/** Child of the fault tests: recovers as its JSON argument says; prints a line at the step `settle` and stops there. */
import { recover } from '../../../src/cli/recovery/recover';

const { storeUrl, identityPath, to, settle } = JSON.parse(process.argv[2]!);
void recover({
  storeUrl,
  identityPath,
  backup: 'latest',
  secrets: () => '',
  signal: new AbortController().signal,
  to,
  onProgress: ({ step }) => {
    if (step !== settle) return;
    process.stdout.write('here\n');
    // Held until it is killed: the line must be read before the restore goes on.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20_000);
  },
});
