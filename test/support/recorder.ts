import { createHash, randomBytes } from 'node:crypto';
import type { StoreMetrics } from '../../src/storage/create-store';
import type { StoreRequestEvent, StoreRetryEvent } from '../../src/storage/decorators/metrics';

/** What a store tells of its requests and retries. */
export class Recorder implements StoreMetrics {
  readonly requests: StoreRequestEvent[] = [];
  readonly retries: StoreRetryEvent[] = [];
  onRetry: (event: StoreRetryEvent) => void = () => undefined;

  request(event: StoreRequestEvent): void {
    this.requests.push(event);
  }
  retry(event: StoreRetryEvent): void {
    this.retries.push(event);
    this.onRetry(event);
  }
  count(operation: string, outcome?: string): number {
    return this.requests.filter((r) => r.operation === operation && (!outcome || r.outcome === outcome)).length;
  }
}

/** An object that is named by its content, as segments are. */
export function contentNamed(bytes: number): { readonly body: Buffer; readonly sha256: string; readonly key: string } {
  const body = randomBytes(bytes);
  const sha256 = createHash('sha256').update(body).digest('hex');
  return { body, sha256, key: `segments/${sha256.slice(0, 2)}/${sha256}` };
}
