import { Writable } from 'node:stream';
import { bar, createProgress, type Frame } from '../../../../src/cli/output/progress';
import { createUi, type Ui } from '../../../../src/cli/output/ui';

function uiWith(
  options: { json?: boolean; quiet?: boolean; tty?: boolean },
  at: () => number,
): { ui: Ui; written: () => string } {
  let text = '';
  const err = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  const stream = Object.assign(err, { isTTY: options.tty === true, columns: 60 }) as unknown as NodeJS.WriteStream;
  const ui = createUi({ ...options, out: stream, err: stream, env: {} });
  return { ui: { ...ui, width: 60, now: () => new Date(at()) }, written: () => text };
}
const frame = (key: string, line: string): Frame => ({ block: [line], line, key, data: { line } });

test('without a terminal a line is printed at each change of phase and at a calm interval', () => {
  let now = 0;
  const { ui, written } = uiWith({}, () => now);
  const view = createProgress(ui, 10_000);
  view.show(frame('dumping', 'one'));
  now = 5_000;
  view.show(frame('dumping', 'two'));
  now = 10_000;
  view.show(frame('dumping', 'three'));
  view.show(frame('verifying', 'four'));
  view.stop();
  expect(written()).toBe('one\nthree\nfour\n');
});

test('--json puts newline-JSON on standard error', () => {
  const { ui, written } = uiWith({ json: true }, () => 0);
  createProgress(ui).show(frame('dumping', 'one'));
  expect(JSON.parse(written())).toEqual({ progress: { line: 'one' } });
});

test('--quiet prints no progress', () => {
  const { ui, written } = uiWith({ quiet: true, tty: true }, () => 0);
  createProgress(ui).show(frame('dumping', 'one'));
  expect(written()).toBe('');
});

test('a terminal is redrawn in place, long lines are cut and the cursor comes back', () => {
  const { ui, written } = uiWith({ tty: true }, () => 0);
  const view = createProgress(ui);
  view.show(frame('dumping', 'x'.repeat(100)));
  view.stop();
  const text = written();
  expect(text).toContain(`${'x'.repeat(58)}…`);
  expect(text).toContain('\u001b[1A\u001b[0J');
  expect(text.endsWith('\u001b[?25h')).toBe(true);
});

test('a bar is full only at the end', () => {
  expect(bar(0.999, 10)).toBe('█████████░');
  expect(bar(1, 4)).toBe('████');
  expect(bar(null, 4)).toBe('░░░░');
});
