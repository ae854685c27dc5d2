import { checksumFromList, fetchText } from '../../../src/provision/download';
import { TOOLS } from '../../../src/provision/tools';

describe('downloads', () => {
  it('reads a checksum list in both of its usual forms, by the whole name', () => {
    const one = 'a'.repeat(64);
    const two = 'B'.repeat(64);
    const list = `${one}  tool_linux_amd64.tar.gz\n${two} *tool_linux_arm64.tar.gz\nnot a line\n`;
    expect(checksumFromList(list, 'tool_linux_amd64.tar.gz')).toBe(one);
    expect(checksumFromList(list, 'tool_linux_arm64.tar.gz')).toBe(two.toLowerCase());
    expect(checksumFromList(list, 'linux_amd64.tar.gz')).toBeNull();
  });

  it('uses https alone', async () => {
    await expect(fetchText('http://127.0.0.1:9/list', new AbortController().signal)).rejects.toMatchObject({
      code: 'PROVISION_DOWNLOAD_FAILED',
    });
  });

  it('pins every tool to one version, in the download and in the build', () => {
    for (const tool of Object.values(TOOLS)) {
      expect(tool.goPackage).toMatch(/@v\d/);
      const release = tool.release?.({ os: 'linux', arch: 'amd64' });
      if (!release) continue;
      expect(release.base).toMatch(/^https:\/\//);
      expect(release.base).toContain(`v${tool.version}`);
      expect(tool.goPackage).toContain(`@v${tool.version}`);
    }
  });
});
