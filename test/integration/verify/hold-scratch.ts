/** Child of the tests: brings a scratch cluster up, says where, and holds it until killed. `BASE_DIR` is its argument. */
import { withScratchCluster } from '../../../src/postgres/scratch';

const controller = new AbortController();
void withScratchCluster(
  {
    baseDir: process.argv[2]!,
    binDirs: [],
    minFreeBytes: 0,
    expectedBytes: 0,
    osUser: null,
    major: 15,
    jobs: 1,
    signal: controller.signal,
  },
  async (cluster) => {
    process.stdout.write(
      `${JSON.stringify({ dataDir: cluster.dataDir, connection: cluster.connection('postgres') })}\n`,
    );
    await new Promise(() => setInterval(() => undefined, 1000));
  },
);
