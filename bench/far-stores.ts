import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureTool, freePorts, startProcess } from '../src/provision';
import type { Bench } from './bench';
import type { StoreInput } from './holdfast';

export type FarStore = StoreInput & { readonly endpoint: string };

/** What stands between us and each far store: added to every answer, and the rate in each direction. */
export const LATENCY_MS = 50;
export const MEGABYTES_PER_SECOND = 20;

/** Stores that are reached over TCP, each behind a proxy of its own that is slow as the internet is. */
export async function openFarStores(
  bench: Bench,
  near: readonly FarStore[],
): Promise<{ readonly stores: readonly FarStore[]; close(): Promise<void> }> {
  const { path } = await ensureTool('toxiproxy', { say: bench.say });
  const [control, ...ports] = await freePorts(near.length + 1);
  const api = `http://127.0.0.1:${control}`;
  const proxy = await startProcess({
    name: 'toxiproxy',
    command: path,
    args: ['-host', '127.0.0.1', '-port', String(control)],
    logFile: join(bench.options.folder, 'toxiproxy.log'),
  });
  const close = async () => void (await proxy.stop());
  bench.supervisor.add('toxiproxy', close);
  while (
    !(await fetch(`${api}/version`).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (proxy.exit()) throw new Error(`toxiproxy ended: ${proxy.logTail()}`);
    await sleep(50);
  }
  const call = async (route: string, body: unknown) => {
    const answer = await fetch(api + route, { method: 'POST', body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`toxiproxy ${route}: ${answer.status} ${await answer.text()}`);
  };
  const stores: FarStore[] = [];
  for (const [index, store] of near.entries()) {
    const { name } = store;
    const listen = `127.0.0.1:${ports[index]}`;
    await call('/proxies', { name, listen, upstream: new URL(store.endpoint).host, enabled: true });
    for (const [type, stream, attributes] of [
      ['latency', 'downstream', { latency: LATENCY_MS }],
      ['bandwidth', 'upstream', { rate: MEGABYTES_PER_SECOND * 1000 }],
      ['bandwidth', 'downstream', { rate: MEGABYTES_PER_SECOND * 1000 }],
    ] as const)
      await call(`/proxies/${name}/toxics`, { name: `${type}-${stream}`, type, stream, toxicity: 1, attributes });
    stores.push({ ...store, endpoint: `http://${listen}` });
  }
  return { stores, close };
}
