import { sparkline } from '../../../../../src/cli/commands/load/chart';

const span = { from: 0, to: 80, width: 8 };

test('shows the highest value of each stretch between nothing and the highest of all', () => {
  const points = [0, 10, 20, 30, 40, 50, 60, 70].map((at, index) => ({ at, value: index }));
  expect(sparkline([...points, { at: 5, value: 0 }], span)).toBe('▁▂▃▄▅▆▇█');
});

test('a stretch without values is a dot, and what lies outside or is no number does not count', () => {
  const points = [
    { at: 5, value: 1 },
    { at: 75, value: 2 },
    { at: -1, value: 9 },
    { at: 81, value: 9 },
    { at: 40, value: NaN },
  ];
  expect(sparkline(points, span)).toBe('▅······█');
});

test('a value at the very end is in the last stretch, and zeros alone are a flat line', () => {
  expect(sparkline([{ at: 80, value: 0 }], span)).toBe('·······▁');
});

test('no time, or no room, is no chart', () => {
  expect(sparkline([{ at: 0, value: 1 }], { from: 0, to: 0, width: 8 })).toBe('');
  expect(sparkline([{ at: 0, value: 1 }], { from: 0, to: 1, width: 0 })).toBe('');
});
