import { freeMemory } from '../../../src/domain/free-memory';

it('frees memory that belongs to the buffer alone, at once', () => {
  const buffer = Buffer.allocUnsafeSlow(1000);
  freeMemory(buffer);
  expect(buffer.length).toBe(0);
  freeMemory(buffer);
});

it('leaves a slice of something larger alone', () => {
  const whole = Buffer.alloc(1000, 7);
  freeMemory(whole.subarray(0, 999));
  freeMemory(Buffer.from('short, so from the pool'));
  expect(whole).toEqual(Buffer.alloc(1000, 7));
  expect(Buffer.from('pool').toString()).toBe('pool');
});
