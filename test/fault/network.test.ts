/** Faults 4, 7 and 8 at every kind of store behind a network: broken connections, lost answers, servers that ask for patience. */
import { randomBytes } from 'node:crypto';
import { atTime, DEFAULT_WATCH_LIMITS, observe, untriedStatus, type StoreEvent } from '../../src/domain/store-watch';
import type { ObjectStore } from '../../src/storage/object-store';
import { probeStore } from '../../src/storage/probe';
import { realTiming, type Timing } from '../../src/storage/timing';
import { startHttpFront, type FrontAction, type FrontRequest, type HttpFront } from '../support/http-front';
import { contentNamed, Recorder } from '../support/recorder';
import {
  NETWORK_KINDS,
  startStoreWorld,
  startUploadWorld,
  type OpenOptions,
  type StoreWorld,
} from '../support/store-worlds';
import { startToxiproxy, type ToxicProxy, type Toxiproxy } from '../support/toxiproxy';

const MIB = 1024 * 1024;
/** Sent in one request by every adapter. */
const SMALL = 1.5 * MIB;

let toxiproxy: Toxiproxy;
let world: StoreWorld;
let proxy: ToxicProxy;
let front: HttpFront | null = null;
let recorder: Recorder;
const opened: ObjectStore[] = [];

beforeAll(async () => {
  toxiproxy = await startToxiproxy();
}, 60_000);
afterAll(() => toxiproxy?.stop());
beforeEach(async () => {
  proxy = await toxiproxy.proxy(`127.0.0.1:${world.port}`);
  recorder = new Recorder();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
  await front?.stop();
  front = null;
});

/** A store with a prefix of its own; waits are short, so that a fault lifted on a retry is lifted before the next attempt. */
function open(options: OpenOptions = {}): ObjectStore {
  const store = world.open({
    metrics: recorder,
    timing: { ...realTiming, sleep: (_, signal) => realTiming.sleep(150, signal) },
    prefix: randomBytes(4).toString('hex'),
    ...options,
  });
  opened.push(store);
  return store;
}
async function openBehindFront(options: OpenOptions = {}): Promise<ObjectStore> {
  front = await startHttpFront(world.port);
  return open({ port: front.port, ...options });
}
interface BreakingLine {
  readonly port: number;
  readonly timing: Timing;
  /** Waits between attempts; each of them has the line mended. */
  readonly waits: () => number;
}

/**
 * A line of `rate` kB/s that breaks in the middle of the request that `at` picks (of those of its method, from 1): the server
 * has its head and a part of its body. Mended, and fast, before the next attempt.
 */
async function lineThatBreaks(
  rate: number,
  at: (request: FrontRequest, number: number) => boolean,
): Promise<BreakingLine> {
  front = await startHttpFront(world.port);
  const line = await toxiproxy.proxy(`127.0.0.1:${front.port}`);
  const lift = [await line.add({ type: 'bandwidth', stream: 'upstream', attributes: { rate } })];
  const seen = new Map<string, number>();
  let broken = false;
  front.decide = async (request): Promise<FrontAction> => {
    const number = (seen.get(request.method) ?? 0) + 1;
    seen.set(request.method, number);
    if (!broken && at(request, number)) {
      broken = true;
      lift.push(await line.add({ type: 'reset_peer', stream: 'upstream', attributes: { timeout: 100 } }));
    }
    return 'pass';
  };
  let mending: Promise<void> | null = null;
  const mend = async () => {
    // Without connections: a toxic cannot be taken from one that is stuck in it.
    await line.enable(false);
    for (const remove of lift) await remove();
    await line.enable(true);
  };
  let waits = 0;
  const sleep = () => {
    waits++;
    return (mending ??= mend());
  };
  return { port: line.port, timing: { ...realTiming, sleep }, waits: () => waits };
}
const isWrite = ({ method }: FrontRequest) => method === 'PUT' || method === 'POST';
/** A clock that only sleeping moves: the thirty seconds pass without being waited for. */
function virtualClock(): Timing & { readonly at: () => number } {
  let clock = 0;
  return { now: () => clock, at: () => clock, random: Math.random, sleep: async (ms) => void (clock += ms) };
}

describe.each(NETWORK_KINDS)('a store behind a bad network (%s)', (kind) => {
  beforeAll(async () => {
    world = await startStoreWorld(kind);
  }, 60_000);
  afterAll(() => world?.stop());

  it('sends only that object again whose connection was reset half-way; the other store sees nothing of it', async () => {
    const direct = new Recorder();
    const limits = { maxRequests: 1 };
    const line = await lineThatBreaks(2_000, (request, number) => isWrite(request) && number === 3);
    const { port, timing } = line;
    const [store, other] = [open({ port, timing, limits }), open({ limits, metrics: direct })];
    const objects = Array.from({ length: 5 }, () => contentNamed(SMALL));
    for (const { key, body, sha256 } of objects)
      expect(
        await Promise.all([
          store.put(key, body, { sha256, createOnly: true }),
          other.put(key, body, { sha256, createOnly: true }),
        ]),
      ).toEqual([{ created: true }, { created: true }]);
    expect(recorder.retries).toMatchObject([{ operation: 'put', code: 'STORE_UNREACHABLE' }]);
    expect(recorder.count('put')).toBe(6);
    expect(direct.requests.map(({ outcome }) => outcome)).toEqual(Array(5).fill('ok'));
    for (const { key, body } of objects) expect((await store.get(key)).equals(body)).toBe(true);
  }, 120_000);

  it.each([
    { title: 'create-only', createOnly: true, created: false },
    { title: 'named by content', createOnly: false, created: true },
  ])(
    'finds an object that the store took although its answer was lost ($title)',
    async ({ createOnly, created }) => {
      const store = open({ port: proxy.port });
      const { key, body, sha256 } = contentNamed(SMALL);
      const lift = await proxy.add({ type: 'limit_data', stream: 'downstream', attributes: { bytes: 1 } });
      recorder.onRetry = () => void lift().catch(() => undefined);
      expect(await store.put(key, body, { sha256, createOnly })).toEqual({ created });
      expect(recorder.count('put')).toBe(1);
      expect(recorder.count('head', 'ok')).toBe(1);
      const listed = [];
      for await (const info of store.list('')) listed.push(info);
      expect(listed).toMatchObject([{ key, bytes: body.length }]);
      expect((await store.get(key)).equals(body)).toBe(true);
    },
    60_000,
  );

  it('gives up on a server that takes the request and never answers, and goes on when it answers again', async () => {
    const store = open({ port: proxy.port, limits: { timeout: '1s', retries: 3 } });
    const lift = await proxy.add({ type: 'timeout', stream: 'downstream', attributes: { timeout: 0 } });
    recorder.onRetry = () => void lift().catch(() => undefined);
    const { key, body, sha256 } = contentNamed(1000);
    await store.put(key, body, { sha256, createOnly: true });
    expect(recorder.retries[0]).toMatchObject({ code: 'STORE_TIMEOUT' });
    expect((await store.get(key)).equals(body)).toBe(true);
  }, 60_000);

  it('reads an object again whose answer was cut off', async () => {
    const store = open({ port: proxy.port });
    const { key, body, sha256 } = contentNamed(SMALL);
    await store.put(key, body, { sha256 });
    const lift = await proxy.add({ type: 'limit_data', stream: 'downstream', attributes: { bytes: MIB } });
    recorder.onRetry = () => void lift().catch(() => undefined);
    expect((await store.get(key)).equals(body)).toBe(true);
    expect(recorder.count('get')).toBe(2);
    expect(recorder.retries).toMatchObject([{ operation: 'get', code: 'STORE_UNREACHABLE' }]);
  }, 60_000);

  it('says that the store is unreachable when it stays away, after the retries that were asked for', async () => {
    await proxy.enable(false);
    const store = open({ port: proxy.port, limits: { retries: 2 } });
    await expect(store.head('a')).rejects.toMatchObject({
      code: 'STORE_UNREACHABLE',
      retryable: true,
      message: expect.stringContaining('ECONNREFUSED') as string,
    });
    expect(recorder.count('head')).toBe(3);
  }, 60_000);

  it('stops waiting between attempts as soon as the caller cancels', async () => {
    await proxy.enable(false);
    const controller = new AbortController();
    const reason = new Error('cancelled');
    recorder.onRetry = () => controller.abort(reason);
    const store = open({ port: proxy.port, timing: { ...realTiming, random: () => 1 } });
    await expect(store.put('a', Buffer.from('x'), { signal: controller.signal })).rejects.toBe(reason);
    expect(recorder.count('put')).toBe(1);
  }, 60_000);

  it('outlasts thirty seconds of 503 and 429 by backing off with full jitter', async () => {
    const timing = virtualClock();
    const store = await openBehindFront({ timing });
    let asked = 0;
    front!.decide = () => (timing.at() < 30_000 ? (asked++ % 2 ? 503 : 429) : 'pass');
    const objects = Array.from({ length: 4 }, () => contentNamed(10_000));
    await Promise.all(objects.map(({ key, body, sha256 }) => store.put(key, body, { sha256, createOnly: true })));
    for (const { key, body } of objects) expect((await store.get(key)).equals(body)).toBe(true);
    expect(recorder.retries.length).toBeGreaterThan(8);
    expect(recorder.retries.every(({ code }) => code === 'STORE_THROTTLED')).toBe(true);
    for (const { attempt, delayMs } of recorder.retries)
      expect(delayMs).toBeLessThanOrEqual(Math.min(30_000, 500 * 2 ** (attempt - 1)));
    expect(new Set(recorder.retries.map(({ delayMs }) => delayMs)).size).toBe(recorder.retries.length);
  }, 60_000);

  it('opens its breaker after three refused probes, tries once a minute, and closes it after two good trials', async () => {
    const store = await openBehindFront({ limits: { retries: 0 } });
    const { intervalMs, openForMs } = DEFAULT_WATCH_LIMITS;
    let now = Date.parse('2026-11-21T12:00:00Z');
    let status = untriedStatus(store.name, now);
    const events: StoreEvent[] = [];
    const pass = (ms: number) => {
      now += ms;
      const watched = atTime(status, now, DEFAULT_WATCH_LIMITS);
      status = watched.status;
      events.push(...watched.events);
    };
    const probe = async () => {
      const { ok, code, message, hint } = await probeStore(store, { timeoutMs: 30_000 });
      const fault = code === null ? null : { code, message, hint };
      const seen = { id: String(now), source: 'probe' as const, at: now, ok, latencyMs: 1, fault };
      const watched = observe(status, seen, DEFAULT_WATCH_LIMITS);
      status = watched.status;
      events.push(...watched.events);
    };
    await probe();
    expect(status.breaker.state).toBe('closed');
    front!.decide = () => 503;
    for (let round = 0; round < 3; round++) {
      pass(intervalMs);
      await probe();
    }
    expect(status.breaker.state).toBe('open');
    pass(openForMs - 1);
    expect(status.breaker.state).toBe('open');
    pass(1);
    expect(status.breaker.state).toBe('half-open');
    await probe();
    expect(status.breaker.state).toBe('open');
    front!.decide = () => 'pass';
    pass(openForMs);
    for (let round = 0; round < 2; round++) {
      await probe();
      pass(intervalMs);
    }
    const breaker = events.filter((event) => event.kind === 'breaker');
    expect(breaker.map(({ from, to }) => `${from} → ${to}`)).toEqual([
      'closed → open',
      'open → half-open',
      'half-open → open',
      'open → half-open',
      'half-open → closed',
    ]);
    expect(breaker[0]).toMatchObject({ store: kind, code: 'STORE_THROTTLED' });
  }, 60_000);
});

describe.each(NETWORK_KINDS)('an object sent in parts over a bad network (%s)', (kind) => {
  beforeAll(async () => {
    world = await startUploadWorld(kind);
  }, 60_000);
  afterAll(() => world?.stop());

  const isCreation = (seen: string): boolean =>
    /^POST .*(\?uploads\b|uploadType=resumable|\/upload\/resumable$)/.test(seen);
  const isPart = ({ method, url, headers }: FrontRequest): boolean =>
    kind === 'supabase'
      ? method === 'PATCH'
      : method === 'PUT' && (url.includes('partNumber=') || /^bytes \d/.test(headers['content-range'] ?? ''));
  /** The request after which the object is there. */
  const isLast = ({ method, url, headers }: FrontRequest, bytes: number): boolean => {
    if (kind === 's3') return method === 'POST' && url.includes('uploadId=');
    if (kind === 'gcs') return method === 'PUT' && Boolean(headers['content-range']?.includes(`-${bytes - 1}/`));
    return method === 'PATCH' && Number(headers['upload-offset']) + Number(headers['content-length']) === bytes;
  };
  const large = () => contentNamed(world.largeFrom + 7 * MIB);
  const nothingLeft = async () => expect(await world.unfinished()).toBe(0);

  it('sends only that part again whose connection was reset half-way', async () => {
    const { key, body, sha256 } = large();
    const { port, timing, waits } = await lineThatBreaks(4_000, (request, number) => isPart(request) && number === 2);
    const store = open({ port, timing });
    expect(await store.put(key, body, { sha256 })).toEqual({ created: true });
    expect(waits()).toBeGreaterThan(0);
    // One upload from its beginning to its end; the object as a whole was not begun again.
    expect(recorder.count('put')).toBe(1);
    expect(front!.seen.filter((line) => isCreation(line))).toHaveLength(1);
    expect((await store.get(key)).equals(body)).toBe(true);
    await nothingLeft();
  }, 120_000);

  it('finds the object that the store made although the last answer was lost', async () => {
    const { key, body, sha256 } = large();
    const store = await openBehindFront();
    let lost = 0;
    front!.decide = (request) => (isLast(request, body.length) && lost++ === 0 ? 'lose-answer' : 'pass');
    expect(await store.put(key, body, { sha256 })).toEqual({ created: true });
    expect(lost).toBe(1);
    expect((await store.head(key))?.bytes).toBe(body.length);
    expect((await store.get(key)).equals(body)).toBe(true);
    await nothingLeft();
  }, 60_000);

  it('never says that it created an object that another writer made while the last answer was lost', async () => {
    const { key, body } = large();
    // Of the same size: neither name nor size tells them apart.
    const other = randomBytes(body.length);
    const prefix = 'shared';
    front = await startHttpFront(world.port);
    const [mine, theirs] = [open({ port: front.port, prefix }), open({ prefix })];
    let raced = false;
    front.decide = async (request) => {
      if (raced || !isLast(request, body.length)) return 'pass';
      raced = true;
      expect(await theirs.put(key, other, { createOnly: true })).toEqual({ created: true });
      return 'lose-answer';
    };
    expect(await mine.put(key, body, { createOnly: true })).toEqual({ created: false });
    expect(raced).toBe(true);
    expect((await theirs.get(key)).equals(other)).toBe(true);
    await nothingLeft();
  }, 60_000);

  it('outlasts thirty seconds of 503 and 429 in the middle of its parts', async () => {
    const { key, body, sha256 } = large();
    const timing = virtualClock();
    const store = await openBehindFront({ timing });
    let asked = 0;
    let since: number | null = null;
    front!.decide = () => {
      if (++asked <= 2) return 'pass';
      since ??= timing.at();
      return timing.at() < since + 30_000 ? (asked % 2 ? 503 : 429) : 'pass';
    };
    expect(await store.put(key, body, { sha256 })).toEqual({ created: true });
    expect(timing.at()).toBeGreaterThanOrEqual(30_000);
    expect((await store.get(key)).equals(body)).toBe(true);
    await nothingLeft();
  }, 60_000);
});
