import { inTime } from '../../../src/activities/in-time';

const late = () => new Error('too late');

test('it settles as the work does', async () => {
  await expect(inTime(Promise.resolve(1), 60_000, late)).resolves.toBe(1);
  await expect(inTime(Promise.reject(new Error('broken')), 60_000, late)).rejects.toThrow('broken');
});

test('work that takes longer is given up, and its later failure ends no process', async () => {
  let fail: (error: Error) => void = () => undefined;
  const work = new Promise<void>((_, reject) => (fail = reject));
  await expect(inTime(work, 1, late)).rejects.toThrow('too late');
  fail(new Error('after all'));
  await expect(work).rejects.toThrow('after all');
});
