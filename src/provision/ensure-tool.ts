import { chmod, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { provisionError } from '../errors/provision';
import {
  cacheDir,
  cacheFolder,
  provisionContext,
  sayWhile,
  type ProvisionContext,
  type ProvisionOptions,
} from './context';
import { checksumFromList, downloadFile, fetchText } from './download';
import { findOnPath, isExecutable } from './find';
import { withLock } from './lock';
import { lastLines, run } from './run';
import { currentPlatform, TOOLS, type Release, type ToolDefinition, type ToolName } from './tools';

export interface FoundTool {
  readonly path: string;
  readonly source: 'setting' | 'path' | 'cache' | 'download' | 'go';
}

/** Looks for a tool without installing anything: setting, PATH, cache. null when it is in none of them. */
export function findTool(name: ToolName, options: ProvisionOptions = {}): FoundTool | null {
  const { env } = provisionContext(options);
  const tool = TOOLS[name];
  const set = env[tool.setting];
  if (set) {
    if (isExecutable(set)) return { path: set, source: 'setting' };
    throw provisionError('PROVISION_SETTING_WRONG', '', { context: { setting: tool.setting, file: set } });
  }
  const onPath = findOnPath(tool.file, env);
  if (onPath) return { path: onPath, source: 'path' };
  const cached = join(cacheDir(env), 'bin', tool.file);
  return isExecutable(cached) ? { path: cached, source: 'cache' } : null;
}

/** Finds a tool, or installs it into the cache: the vendor's download first, then a Go build. */
export async function ensureTool(name: ToolName, options: ProvisionOptions = {}): Promise<FoundTool> {
  const context = provisionContext(options);
  const tool = TOOLS[name];
  const found = findTool(name, options);
  if (found) {
    context.say(`${tool.file}: ${found.path} (${found.source})`);
    return found;
  }
  if (!context.install) throw unavailable(tool, ['it may not be installed here']);
  const target = join(cacheFolder(context.env, 'bin'), tool.file);
  return withLock(context, target, async () => {
    // Whoever held the lock before us may have installed it meanwhile.
    if (isExecutable(target)) return { path: target, source: 'cache' };
    context.say(`${tool.file}: not found on this machine; installing version ${tool.version}, ${tool.purpose}`);
    const failures: string[] = [];
    for (const [source, install] of [
      ['download', installRelease],
      ['go', installWithGo],
    ] as const) {
      const work = await mkdtemp(`${target}.`);
      try {
        const program = await install(context, tool, work);
        await chmod(program, 0o755);
        await rename(program, target);
        context.say(`${tool.file}: installed as ${target}`);
        return { path: target, source };
      } catch (error) {
        context.signal.throwIfAborted();
        const reason = error instanceof Error ? error.message : String(error);
        failures.push(`${source}: ${reason}`);
        context.say(`${tool.file}: ${source} did not work: ${reason}`);
      } finally {
        await rm(work, { recursive: true, force: true });
      }
    }
    throw unavailable(tool, failures);
  });
}

/** Installs the vendor's published file below `work` and returns the program's path. */
async function installRelease(context: ProvisionContext, tool: ToolDefinition, work: string): Promise<string> {
  const platform = currentPlatform();
  const release = platform && tool.release?.(platform);
  if (!release) throw new Error('the vendor publishes no checked download for this platform');
  return sayWhile(context.say, `${tool.file}: downloading ${release.base}/${release.asset}`, () =>
    downloadRelease(context, tool, release, work),
  );
}

async function downloadRelease(
  context: ProvisionContext,
  tool: ToolDefinition,
  release: Release,
  work: string,
): Promise<string> {
  const list = await fetchText(`${release.base}/${release.checksums}`, context.signal);
  const sha256 = checksumFromList(list, release.asset);
  if (!sha256)
    throw provisionError('PROVISION_CHECKSUM_MISMATCH', "the publisher's list lacks the file", {
      context: { file: release.asset },
    });
  const file = join(work, release.asset);
  await downloadFile(`${release.base}/${release.asset}`, file, sha256, context.signal);
  if (release.packing === 'binary') return file;
  const unpacked = await mkdtemp(join(work, 'unpacked-'));
  const tar = await run('tar', ['-xzf', file, '-C', unpacked], { signal: context.signal });
  if (tar.code !== 0) throw new Error(`tar failed: ${lastLines(tar.stderr)}`);
  const entries = await readdir(unpacked, { recursive: true, withFileTypes: true });
  const program = entries.find((entry) => entry.isFile() && entry.name === tool.file);
  if (!program) throw new Error(`the archive holds no file named ${tool.file}`);
  return join(program.parentPath, program.name);
}

/** Builds the pinned version below `work` and returns the program's path. */
async function installWithGo(context: ProvisionContext, tool: ToolDefinition, work: string): Promise<string> {
  const go = findOnPath('go', context.env);
  if (!go) throw new Error('no go on PATH');
  const built = await sayWhile(
    context.say,
    `${tool.file}: building ${tool.goPackage} (about ${tool.buildTime} on two cores)`,
    () =>
      run(go, ['install', tool.goPackage], {
        env: { ...context.env, GOBIN: work, CGO_ENABLED: '0' },
        signal: context.signal,
        timeoutMs: 30 * 60_000,
      }),
  );
  if (built.code !== 0) throw new Error(`go install failed: ${lastLines(built.stderr)}`);
  // go names the program after its folder, which for toxiproxy is `server`.
  const program = (await readdir(work)).find((name) => [tool.file, 'server', basename(tool.file)].includes(name));
  if (!program) throw new Error('go install made no program');
  return join(work, program);
}

function unavailable(tool: ToolDefinition, failures: readonly string[]) {
  return provisionError('PROVISION_TOOL_UNAVAILABLE', failures.join('; '), {
    context: { tool: tool.file, setting: tool.setting },
  });
}
