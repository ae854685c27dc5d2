/** `npm run provision`: finds or installs every server that the tests and the demo use, and says where each is. */
import { ensurePostgres, ensureTool, findPostgres, type ToolName } from '../src/provision';

const say = (line: string) => console.log(`provision  ${line}`);

/** Needed by some tests only; those say that they are skipped when it is absent. */
async function optional(what: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    say(`${what}: not available, its tests are skipped (${error instanceof Error ? error.message : String(error)})`);
  }
}

export async function provision(): Promise<void> {
  const tools: readonly ToolName[] = ['temporal', 'versitygw', 'fakeGcs', 'toxiproxy'];
  for (const tool of tools) await ensureTool(tool, { say });
  const here = await findPostgres();
  for (const { version, binDir, source } of here) say(`PostgreSQL ${version}: ${binDir} (${source})`);
  for (const major of [16, 18])
    if (!here.some((one) => one.major === major))
      await optional(`PostgreSQL ${major}`, () => ensurePostgres([major], { say }));
  if ((await findPostgres()).length === 0) await ensurePostgres([15], { say });
}

if (require.main === module) {
  provision().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(1);
  });
}
