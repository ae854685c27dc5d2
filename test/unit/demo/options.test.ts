import { parseDemoOptions } from '../../../src/cli/demo/options';

describe('options of the demo', () => {
  it('has defaults that suit a newcomer', () => {
    expect(parseDemoOptions([], {}, '/clone')).toEqual({
      exit: false,
      json: false,
      outage: false,
      load: false,
      megabytes: 200,
      folder: '/clone/.holdfast/demo',
    });
  });

  it('lets arguments win over the environment', () => {
    const env = { HOLDFAST_DEMO_SIZE: '50', HOLDFAST_DEMO_FOLDER: '/there' };
    expect(parseDemoOptions(['--exit', '--json', '--outage'], env, '/clone')).toMatchObject({ exit: true, json: true, outage: true, megabytes: 50, folder: '/there' }); // prettier-ignore
    expect(parseDemoOptions(['--size', '20', '--folder', 'here'], env, '/clone')).toMatchObject({ megabytes: 20, folder: '/clone/here' }); // prettier-ignore
  });

  it.each([['--outage', '--load'], ['--size', '1'], ['--size', 'big'], ['--size', '12.5'], ['--speed'], ['extra']])(
    'refuses %s %s',
    (...argv) => {
      expect(() => parseDemoOptions(argv.filter(Boolean), {}, '/clone')).toThrow();
    },
  );

  it('takes the load in the middle of a backup', () => {
    expect(parseDemoOptions(['--load', '--exit'], {}, '/clone')).toMatchObject({
      load: true,
      outage: false,
      exit: true,
    });
  });

  it('gives help when asked', () => {
    expect(parseDemoOptions(['-h'], {}, '/')).toBeNull();
  });
});
