/** What is known of each store, and every change of it. */
export const storeHealth = `
CREATE TABLE store_health (
  store         text PRIMARY KEY,
  state         text NOT NULL CHECK (state IN ('healthy', 'degraded', 'down')),
  breaker       text NOT NULL CHECK (breaker IN ('closed', 'open', 'half-open')),
  since         timestamptz NOT NULL,
  success_share double precision NOT NULL,
  latency_ms    double precision,
  last_probe_at timestamptz,
  updated_at    timestamptz NOT NULL,
  status        jsonb NOT NULL
);
COMMENT ON COLUMN store_health.status IS 'all of it, as the workflow store-health/<store> goes on from';

CREATE TABLE store_events (
  store      text NOT NULL,
  at         timestamptz NOT NULL,
  kind       text NOT NULL CHECK (kind IN ('health', 'breaker', 'failover')),
  from_state text NOT NULL,
  to_state   text NOT NULL,
  reason     text NOT NULL,
  code       text,
  -- Of a failover, the database whose dump it was; empty otherwise, since a key has no nulls.
  database   text NOT NULL DEFAULT '',
  PRIMARY KEY (store, at, kind, to_state, database)
);
CREATE INDEX store_events_at ON store_events (at);
`;
