import { prometheusValue } from '../../../../../src/load/samplers/http/prometheus-answer';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const at = NOW / 1_000;
const vector = (...values: unknown[]) =>
  JSON.stringify({
    status: 'success',
    data: { resultType: 'vector', result: values.map((value) => ({ metric: { job: 'x' }, value: [at, value] })) },
  });
const scalar = (value: unknown, when = at) =>
  JSON.stringify({ status: 'success', data: { resultType: 'scalar', result: [when, value] } });

test.each([
  ['a scalar', scalar('12.5'), 12.5],
  ['a vector of one series', vector('0.25'), 0.25],
  ['an exponent', vector('1.5e+06'), 1_500_000],
  ['nothing at all', vector('0'), 0],
  ['a clock that is a minute ahead', scalar('3', at + 60), 3],
])('%s gives its number', (_, body, value) => expect(prometheusValue(body, NOW)).toBe(value));

test.each([
  ['NaN', vector('NaN')],
  ['infinity', vector('+Inf')],
  ['a number too large for a number', vector('1e999')],
  ['a negative number', vector('-1')],
  ['a number where text belongs', vector(5)],
  ['hexadecimal', vector('0x10')],
  ['no text', vector('')],
  ['another hour', scalar('1', at - 3_600)],
  ['a time to come', scalar('1', at + 3_600)],
  ['a time that is none', scalar('1', Number.NaN)],
])('%s is a lie', (_, body) =>
  expect(() => prometheusValue(body, NOW)).toThrow(expect.objectContaining({ code: 'SAMPLER_LIED' })),
);

test.each([
  ['HTML', '<html>'],
  ['null', 'null'],
  ['an empty answer', ''],
  ['no series', vector()],
  ['two series', vector('1', '2')],
  ['a matrix', JSON.stringify({ status: 'success', data: { resultType: 'matrix', result: [] } })],
  ['no data', JSON.stringify({ status: 'success' })],
  ['a histogram', JSON.stringify({ status: 'success', data: { resultType: 'vector', result: [{ histogram: [] }] } })],
  ['a null series', JSON.stringify({ status: 'success', data: { resultType: 'vector', result: [null] } })],
])('%s is a named failure', (_, body) =>
  expect(() => prometheusValue(body, NOW)).toThrow(expect.objectContaining({ code: 'SAMPLER_FAILED' })),
);

test('a refused query gives its type away and not its text', () => {
  const body = JSON.stringify({ status: 'error', errorType: 'bad_data', error: 'parse error in secret_metric' });
  const failing = () => prometheusValue(body, NOW);
  expect(failing).toThrow('Prometheus refused the query: bad_data');
  expect(failing).not.toThrow('secret_metric');
});
