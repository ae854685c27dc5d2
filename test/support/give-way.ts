/** A process that gives way by its first argument and tells, as JSON, what became of it. */
import { execFileSync } from 'node:child_process';
import { pbkdf2 } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { giveWay } from '../../src/workers/niceness';

const sessionNiceness = (): number | null => {
  try {
    return Number(/nice (-?\d+)/.exec(readFileSync('/proc/self/autogroup', 'utf8'))![1]);
  } catch {
    return null;
  }
};

// By then the pool of threads that Node starts when it is first needed is there too.
pbkdf2('password', 'salt', 1, 8, 'sha256', () => {
  giveWay(Number(process.argv[2]));
  const threads = readdirSync('/proc/self/task').map((id) => getPriority(Number(id)));
  const script = 'console.log(require("node:os").getPriority())';
  const started = Number(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }));
  console.log(JSON.stringify({ threads, started, session: sessionNiceness() }));
});
