/** Reads the answer of a Prometheus instant query (`/api/v1/query`). Pure. */
import { samplingError } from '../../../errors/sampling';

/** How far its clock may be from ours: the value of another hour says nothing about now. */
const CLOCK_TOLERANCE_MS = 120_000;

interface Answer {
  readonly status?: unknown;
  readonly errorType?: unknown;
  readonly data?: { readonly resultType?: unknown; readonly result?: unknown };
}

/**
 * The one number of a scalar, or of a vector with one series.
 * @param now milliseconds since the epoch
 * @throws SAMPLER_FAILED when there is not exactly one; SAMPLER_LIED when it is not a number, infinite, negative or of another time
 */
export function prometheusValue(body: string, now: number): number {
  const answer = parse(body);
  if (answer.status !== 'success') {
    // Its error text may quote the query; the type is one of a few fixed words.
    const type =
      typeof answer.errorType === 'string' && /^[a-z_]{1,32}$/.test(answer.errorType) ? answer.errorType : '';
    throw samplingError('SAMPLER_FAILED', `Prometheus refused the query${type ? `: ${type}` : ''}`);
  }
  const [at, text] = onePoint(answer);
  const aside = typeof at === 'number' ? at * 1_000 - now : Number.NaN;
  if (!(Math.abs(aside) <= CLOCK_TOLERANCE_MS))
    throw samplingError('SAMPLER_LIED', 'the value of Prometheus is of another time: compare its clock with this one');
  if (typeof text !== 'string' || !/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(text))
    throw samplingError('SAMPLER_LIED', 'the value of Prometheus is not a finite number');
  const value = Number(text);
  if (!Number.isFinite(value)) throw samplingError('SAMPLER_LIED', 'the value of Prometheus is not a finite number');
  if (value < 0) throw samplingError('SAMPLER_LIED', 'the value of Prometheus is negative');
  return value;
}

function parse(body: string): Answer {
  try {
    const answer: unknown = JSON.parse(body);
    if (typeof answer === 'object' && answer !== null) return answer;
  } catch {
    // said below
  }
  throw samplingError('SAMPLER_FAILED', 'the answer is not the JSON of Prometheus');
}

function onePoint(answer: Answer): readonly unknown[] {
  const { resultType, result } = answer.data ?? {};
  if (resultType === 'scalar' && Array.isArray(result)) return result as unknown[];
  if (resultType !== 'vector' || !Array.isArray(result))
    throw samplingError(
      'SAMPLER_FAILED',
      'the query gives neither a scalar nor a vector: make it an instant query of one number',
    );
  if (result.length === 0) throw samplingError('SAMPLER_FAILED', 'the query finds no series');
  if (result.length > 1)
    throw samplingError(
      'SAMPLER_FAILED',
      `the query gives ${result.length} series: aggregate them to one, with sum() or max()`,
    );
  const point = (result[0] as { readonly value?: unknown } | null)?.value;
  if (!Array.isArray(point))
    throw samplingError('SAMPLER_FAILED', 'the query gives a series without a number, perhaps a histogram');
  return point as unknown[];
}
