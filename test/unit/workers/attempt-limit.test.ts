import { createAttemptLimit } from '../../../src/workers/attempt-limit';

const limit = () => createAttemptLimit({ attempts: 3, windowMs: 60_000, addresses: 2 });

test('an address waits for the rest of the window once it has used up its attempts', () => {
  const one = limit();
  for (const at of [0, 1_000, 2_000]) {
    expect(one.waitMs('a', at)).toBe(0);
    one.refused('a', at);
  }
  expect(one.waitMs('a', 2_500)).toBe(57_500);
  expect(one.waitMs('a', 60_000)).toBe(0);
});

test('an address is not held up by the attempts of another', () => {
  const one = limit();
  for (let count = 0; count < 9; count += 1) one.refused('a', 0);
  expect(one.waitMs('b', 1)).toBe(0);
});

test('no more addresses are remembered than it was told', () => {
  const one = limit();
  for (const address of ['a', 'b', 'c']) for (let count = 0; count < 3; count += 1) one.refused(address, 0);
  expect(['a', 'b', 'c'].map((address) => one.waitMs(address, 1) > 0)).toEqual([false, true, true]);
});

test('a clock that is set back locks nobody out', () => {
  const one = limit();
  for (let count = 0; count < 3; count += 1) one.refused('a', 1_000_000);
  expect(one.waitMs('a', 0)).toBe(0);
});
