import { PassThrough } from 'node:stream';
import { confirmTyped, confirmYes } from '../../../src/cli/confirm';
import { createUi, type Ui } from '../../../src/cli/output/ui';

/** A person at a terminal who types `answer`. */
function uiWith(answer: string | null): { ui: Ui; shown: () => string } {
  const input = new PassThrough();
  let text = '';
  const err = new PassThrough();
  err.on('data', (chunk: Buffer) => (text += chunk.toString()));
  if (answer !== null) input.write(`${answer}\n`);
  const base = createUi({ color: false, env: {} });
  return { ui: { ...base, input, err, interactive: answer !== null }, shown: () => text };
}
const DANGER = { danger: 'This drops the database shop.', name: 'shop', given: undefined };

test('the name that is typed lets it go on', async () => {
  const { ui, shown } = uiWith('shop');
  await expect(confirmTyped(ui, DANGER)).resolves.toBeUndefined();
  expect(shown()).toContain('This drops the database shop.');
});

test.each(['', 'y', 'yes', 'Shop', 'shop2'])('"%s" does not', async (answer) => {
  await expect(confirmTyped(uiWith(answer).ui, DANGER)).rejects.toMatchObject({ code: 'CLI_CONFIRMATION_REQUIRED' });
});

test('a script passes the same name, and only that', async () => {
  const { ui } = uiWith(null);
  await expect(confirmTyped(ui, { ...DANGER, given: 'shop' })).resolves.toBeUndefined();
  await expect(confirmTyped(ui, { ...DANGER, given: 'other' })).rejects.toMatchObject({
    code: 'CLI_CONFIRMATION_REQUIRED',
  });
  await expect(confirmTyped(ui, DANGER)).rejects.toMatchObject({ code: 'CLI_CONFIRMATION_REQUIRED' });
});

test('a plain question is answered by --yes, by y, and by nothing else', async () => {
  await expect(confirmYes(uiWith(null).ui, 'Apply?', true)).resolves.toBeUndefined();
  await expect(confirmYes(uiWith('y').ui, 'Apply?', false)).resolves.toBeUndefined();
  await expect(confirmYes(uiWith('n').ui, 'Apply?', false)).rejects.toMatchObject({
    code: 'CLI_CONFIRMATION_REQUIRED',
  });
  await expect(confirmYes(uiWith(null).ui, 'Apply?', false)).rejects.toMatchObject({
    code: 'CLI_CONFIRMATION_REQUIRED',
  });
});
