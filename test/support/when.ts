/** Tests that need something of the machine or of a store: where it is not there they are reported as skipped, with the reason. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** `it`, or one that skips and says why in the title. Decided when the file is loaded, so nothing passes unseen. */
export function itWhen(
  condition: boolean,
  reason: string,
): (title: string, test: () => Promise<void>, timeoutMs?: number) => void {
  return (title, test, timeoutMs) =>
    condition ? it(title, test, timeoutMs) : it.skip(`${title} [skipped: ${reason}]`, test, timeoutMs);
}

export const NO_TMPFS = 'this user may not mount a tmpfs here';

let mountable: boolean | null = null;
/** Tries it once: being root is not enough in many containers. */
export function canMountTmpfs(): boolean {
  return (mountable ??= tryMount());
}

function tryMount(): boolean {
  const folder = mkdtempSync(path.join(tmpdir(), 'hf-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(folder);
  }
}
