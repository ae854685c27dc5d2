/** The same visits from this process, for machines without a pgbench. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { VISIT, type Traffic, type TrafficSource, type TrafficSpec, type Visit } from './traffic';

export interface OwnTrafficOptions {
  readonly url: string;
  readonly customers: number;
  /** Registers what has to be ended whatever happens. */
  readonly onStart: (name: string, stop: () => Promise<void>) => void;
}

/** Both of each visit's statements take the same two numbers. */
const STATEMENTS = VISIT.map((sql) => {
  const numbers = ['customer', 'region'].filter((name) => sql.includes(`:${name}`));
  return {
    text: numbers.reduce((text, name, index) => text.replaceAll(`:${name}`, `$${index + 1}::bigint`), sql as string),
    numbers,
  };
});

export function ownTraffic({ url, customers, onStart }: OwnTrafficOptions): TrafficSource {
  return {
    name: 'a load generator of its own (no pgbench was found)',
    async start({ name, clients, perSecond, seconds }: TrafficSpec): Promise<Traffic> {
      const visits: Visit[] = [];
      const stopping = new AbortController();
      const endsAt = Date.now() + seconds * 1_000;
      const connections = await Promise.all(Array.from({ length: clients }, () => connect(url, `demo ${name}`)));
      const startedAt = Date.now();
      let due = 0;
      /** One after the other, each at its time, whoever is free; a late one counts from when it was due. */
      const nextDue = () => (perSecond === null ? Date.now() : startedAt + (due++ * 1_000) / perSecond);
      const work = async (client: Client) => {
        try {
          while (!stopping.signal.aborted && Date.now() < endsAt) {
            const from = nextDue();
            await sleep(Math.max(0, from - Date.now()), undefined, { signal: stopping.signal });
            await visit(client, customers);
            const at = Date.now();
            visits.push({ at, ms: at - from });
          }
        } catch (error) {
          if (!stopping.signal.aborted) throw error;
        } finally {
          await client.end().catch(() => undefined);
        }
      };
      const ended = Promise.all(connections.map(work)).then(() => undefined);
      // Whoever awaits it hears of a failure; nobody has to.
      ended.catch(() => undefined);
      const stop = async () => {
        stopping.abort();
        await ended.catch(() => undefined);
      };
      onStart(name, stop);
      return { ended, stop, visits: () => Promise.resolve([...visits]) };
    },
  };
}

async function connect(connectionString: string, application_name: string): Promise<Client> {
  const client = new Client({ connectionString, application_name });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function visit(client: Client, customers: number): Promise<void> {
  const any = (most: number) => 1 + Math.floor(Math.random() * most);
  const values: Readonly<Record<string, number>> = {
    customer: any(customers),
    region: any(Math.max(1, customers - 6_000)),
  };
  for (const { text, numbers } of STATEMENTS)
    await client.query(
      text,
      numbers.map((name) => values[name]),
    );
}
