import { displayWidth, renderFacts, renderTable } from '../../../../src/cli/output/table';

const red = (text: string) => `\u001b[31m${text}\u001b[39m`;

test('columns are aligned, whatever colours the cells have', () => {
  const rows = [
    { name: 'shop', bytes: '16 MiB' },
    { name: red('orders'), bytes: '4 B' },
  ];
  const text = renderTable(rows, [
    { title: 'NAME', get: (row) => row.name },
    { title: 'SIZE', align: 'right', get: (row) => row.bytes },
  ]);
  expect(text.split('\n')).toEqual(['NAME      SIZE', 'shop    16 MiB', `${red('orders')}     4 B`]);
});

test('wide characters take two places, combining marks none', () => {
  expect(displayWidth('数据库')).toBe(6);
  expect(displayWidth('e\u0301')).toBe(1);
  expect(displayWidth(red('ab'))).toBe(2);
});

test('facts without a value are left out and long ones keep their indent', () => {
  expect(
    renderFacts([
      ['a', '1'],
      ['longer', 'x\ny'],
      ['none', null],
      ['empty', ''],
    ]),
  ).toBe('a       1\nlonger  x\n        y');
});
