import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** True when every folder on the way to `path`, itself included, may be entered by any OS user. */
export function isReachableByOthers(path: string): boolean {
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    try {
      if ((statSync(folder).mode & 0o001) === 0) return false;
    } catch {
      // What does not exist yet is made by us, so its parent decides.
    }
    if (dirname(folder) === folder) return true;
  }
}
