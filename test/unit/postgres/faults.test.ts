import { sqlState } from '../../../src/postgres/faults';

describe('the SQLSTATE of an error', () => {
  it.each([
    ['23505', '23505'],
    ['0A000', '0A000'],
    ['XX000', 'XX000'],
  ])('is read from a server error (%s)', (code, state) => {
    expect(sqlState({ code })).toBe(state);
  });

  it.each(['EPIPE', 'ECONNRESET', '2350', undefined])('is not seen in %s', (code) => {
    expect(sqlState({ code })).toBeNull();
  });

  it('is absent where there is no error', () => {
    expect(sqlState(null)).toBeNull();
  });
});
