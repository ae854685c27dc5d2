import { freePort } from './ports';
import { findBinary, startProcess } from './processes';

export interface ToxicSpec {
  /** latency, bandwidth, slow_close, timeout, reset_peer, slicer, limit_data */
  readonly type: string;
  /** upstream: what the client sends; downstream: what the server answers. */
  readonly stream: 'upstream' | 'downstream';
  readonly toxicity?: number;
  readonly attributes: Readonly<Record<string, number>>;
}

export interface Toxiproxy {
  /** A proxy on a free loopback port in front of `host:port`. */
  proxy(upstream: string): Promise<ToxicProxy>;
  stop(): Promise<void>;
}

export interface ToxicProxy {
  readonly port: number;
  /** Adds a fault, to connections that are open too; removes it again by the function returned. */
  add(toxic: ToxicSpec): Promise<() => Promise<void>>;
  /** false: connections are refused, and those that are open are closed. */
  enable(enabled: boolean): Promise<void>;
}

/** A real fault-injecting TCP proxy on loopback. */
export async function startToxiproxy(): Promise<Toxiproxy> {
  const binary = findBinary('toxiproxy-server', 'HOLDFAST_TOXIPROXY_BIN');
  const port = await freePort();
  const api = `http://127.0.0.1:${port}`;
  const server = await startProcess(
    binary,
    ['-host', '127.0.0.1', '-port', String(port)],
    async () => (await fetch(`${api}/version`)).ok,
  );
  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await fetch(api + path, { method, body: body === undefined ? undefined : JSON.stringify(body) });
    if (!answer.ok) throw new Error(`toxiproxy ${method} ${path}: ${answer.status} ${await answer.text()}`);
  };
  let count = 0;
  return {
    async proxy(upstream) {
      const name = `proxy-${count++}`;
      const listen = await freePort();
      await call('POST', '/proxies', { name, listen: `127.0.0.1:${listen}`, upstream, enabled: true });
      return {
        port: listen,
        async add(toxic) {
          const toxicName = `toxic-${count++}`;
          await call('POST', `/proxies/${name}/toxics`, { toxicity: 1, ...toxic, name: toxicName });
          return () => call('DELETE', `/proxies/${name}/toxics/${toxicName}`);
        },
        enable: (enabled) => call('POST', `/proxies/${name}`, { enabled }),
      };
    },
    stop: () => server.stop(),
  };
}
