/** What stores hold, what work moved there, and whether they may take more. */
export const usage = `
CREATE TABLE store_usage (
  store    text NOT NULL,
  -- Empty: objects that belong to no database.
  database text NOT NULL,
  at       timestamptz NOT NULL,
  bytes    bigint NOT NULL CHECK (bytes >= 0),
  objects  bigint NOT NULL CHECK (objects >= 0),
  source   text NOT NULL CHECK (source IN ('measured', 'estimated')),
  PRIMARY KEY (store, database, at)
);
COMMENT ON TABLE store_usage IS 'bytes and objects of a database at a store: listed (measured), or reckoned from what was written (estimated)';

CREATE TABLE store_transfers (
  -- Names the piece of work, so that a repeated call is found.
  ref            text NOT NULL,
  store          text NOT NULL,
  database       text NOT NULL,
  backup_id      text,
  kind           text NOT NULL CHECK (kind IN ('dump', 'fill', 'proof', 'restore', 'sweep')),
  at             timestamptz NOT NULL,
  -- Negative: freed.
  bytes          bigint NOT NULL,
  objects        bigint NOT NULL,
  writes         bigint NOT NULL CHECK (writes >= 0),
  reads          bigint NOT NULL CHECK (reads >= 0),
  received_bytes bigint NOT NULL CHECK (received_bytes >= 0),
  PRIMARY KEY (ref, store)
);
CREATE INDEX store_transfers_backup ON store_transfers (backup_id);
CREATE INDEX store_transfers_at ON store_transfers (store, at);

CREATE TABLE store_quota (
  store  text PRIMARY KEY,
  state  text NOT NULL CHECK (state IN ('ok', 'warn', 'stop')),
  since  timestamptz NOT NULL,
  reason text NOT NULL
);
`;
