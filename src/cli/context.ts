import { hostname, userInfo } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Catalog } from '../catalog/types';
import type { HoldfastClient } from '../client/types';
import type { DatabaseConfig, HoldfastConfig, StoreConfig } from '../config/schema';
import { cliError } from '../errors/cli';
import { configError } from '../errors/config';
import type { RepositoryKeys } from '../repository/types';
import type { ObjectStore } from '../storage/object-store';
import { findConfig } from './config-file';
import { load, openCatalog, openKeys, secrets } from './lazy';
import { withSpinner } from './output/progress';
import type { Ui } from './output/ui';
import { effectiveConfig } from './up/effective-config';
import { runningUp } from './up/state';

/** Options that every command takes. */
export interface GlobalOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly color?: boolean;
  readonly verbose?: boolean;
  readonly yes?: boolean;
}

/** What a command works with; each service is opened when first asked for and closed when the command ends. */
export interface CliContext {
  readonly ui: Ui;
  readonly options: GlobalOptions;
  /** Aborted by the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /** `ana@laptop`, or with a token `oncall (ana@laptop)`: who asks, kept in audit log, signals and workflow memo. */
  readonly who: string;
  /** Whose token was accepted; from then on part of `who`. */
  identify(token: string): void;
  /** Path of the configuration file; throws CLI_CONFIG_NOT_FOUND. */
  configPath(): string;
  config(): Promise<HoldfastConfig>;
  database(name: string): Promise<DatabaseConfig>;
  /** The named database, or the only one that is configured. */
  databaseOrOnly(name: string | undefined): Promise<DatabaseConfig>;
  storeConfig(name: string): Promise<StoreConfig>;
  client(): Promise<HoldfastClient>;
  catalog(): Promise<Catalog>;
  store(name: string): Promise<ObjectStore>;
  keys(): Promise<RepositoryKeys>;
  /** Run at the end, last registered first. */
  onClose(close: () => Promise<void>): void;
  close(): Promise<void>;
}

/** Longest wait for connections to end courteously. Milliseconds. */
const CLOSE_MS = 2_000;

export function createContext(ui: Ui, options: GlobalOptions, signal: AbortSignal): CliContext {
  const closers: (() => Promise<void>)[] = [];
  const once = <T>(open: () => Promise<T>): (() => Promise<T>) => {
    let opened: Promise<T> | undefined;
    return () => (opened ??= open());
  };
  const configPath = () => findConfig(options.config);
  const config = once(() => loadEffective(configPath()));
  const stores = new Map<string, Promise<ObjectStore>>();
  const database = async (name: string): Promise<DatabaseConfig> => {
    const { databases } = await config();
    const found = databases.find((candidate) => candidate.name === name);
    if (found) return found;
    throw cliError('CLI_DATABASE_UNKNOWN', '', {
      context: { database: name, configured: databases.map((known) => known.name).join(', ') },
    });
  };
  const storeConfig = async (name: string): Promise<StoreConfig> => {
    const { stores: configured } = await config();
    const found = configured.find((candidate) => candidate.name === name);
    if (found) return found;
    throw cliError('CLI_STORE_UNKNOWN', '', {
      context: { store: name, configured: configured.map((known) => known.name).join(', ') },
    });
  };
  const self = identity();
  let who = self;
  return {
    ui,
    options,
    signal,
    get who() {
      return who;
    },
    identify(token) {
      who = `${token} (${self})`;
    },
    configPath,
    config,
    database,
    storeConfig,
    async databaseOrOnly(name) {
      if (name !== undefined) return database(name);
      const { databases } = await config();
      if (databases.length === 1) return databases[0]!;
      throw cliError('CLI_USAGE', 'name a database: more than one is configured', {
        context: { configured: databases.map((known) => known.name).join(', ') },
      });
    },
    client: once(async () => {
      const settings = await config();
      const client = await withSpinner(ui, `connecting to Temporal at ${settings.temporal.address}`, () =>
        load.client().createClient(settings, { secrets, identity: who }),
      );
      closers.push(() => client.close());
      return client;
    }),
    catalog: once(async () => {
      const catalog = await openCatalog(await config());
      closers.push(() => catalog.close());
      return catalog;
    }),
    store(name) {
      let store = stores.get(name);
      if (!store) {
        store = (async () => {
          const opened = await load.storage().createStore(await storeConfig(name), secrets);
          closers.push(() => opened.close());
          return opened;
        })();
        stores.set(name, store);
      }
      return store;
    },
    keys: once(async () => openKeys(await config())),
    onClose: (close) => closers.push(close),
    async close() {
      const closing = (async () => {
        for (const close of closers.splice(0).reverse()) await close().catch(() => {});
      })();
      await Promise.race([closing, sleep(CLOSE_MS, undefined, { ref: false })]);
    },
  };
}

/** The configuration; while `holdfast up` runs with this file, with the services that it brings. */
async function loadEffective(path: string): Promise<HoldfastConfig> {
  const { describeFaults, loadConfig, parseConfig, readConfigText } = load.config();
  const running = runningUp(path);
  if (running === null) return loadConfig(path);
  const result = parseConfig(effectiveConfig(await readConfigText(path), dirname(path), running.overlay), path);
  if (result.ok) return result.config;
  throw configError('CONFIG_INVALID', describeFaults(result.faults, path), { context: { file: path } });
}

function identity(): string {
  let user = String(process.getuid?.() ?? 'user');
  try {
    user = userInfo().username;
  } catch {
    // A container's uid without a passwd entry has no name.
  }
  return `${user}@${hostname()}`;
}
