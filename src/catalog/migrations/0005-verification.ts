/** Turns of the rotation of proofs, and how far each store's objects have been read again. */
export const verification = `
CREATE TABLE rotation_turns (
  turn_id         text PRIMARY KEY,
  database        text NOT NULL,
  store           text NOT NULL,
  backup_id       text NOT NULL,
  asked           text NOT NULL CHECK (asked IN ('stored', 'intact', 'restored', 'exact')),
  started_at      timestamptz NOT NULL,
  finished_at     timestamptz,
  outcome         text CHECK (outcome IN ('proved', 'healed', 'failed', 'busy')),
  detail          text
);
CREATE INDEX rotation_turns_database ON rotation_turns (database, started_at);
COMMENT ON TABLE rotation_turns IS 'written when a turn begins, so that one that never ends still counts as a turn';

CREATE TABLE intact_cycles (
  database      text NOT NULL,
  store         text NOT NULL,
  started_at    timestamptz NOT NULL,
  next_bucket   integer NOT NULL DEFAULT 0 CHECK (next_bucket BETWEEN 0 AND 256),
  bytes         bigint NOT NULL DEFAULT 0 CHECK (bytes >= 0),
  objects       bigint NOT NULL DEFAULT 0 CHECK (objects >= 0),
  damaged       bigint NOT NULL DEFAULT 0 CHECK (damaged >= 0),
  read_ms       bigint NOT NULL DEFAULT 0 CHECK (read_ms >= 0),
  last_share_at timestamptz,
  completed_at  timestamptz,
  PRIMARY KEY (database, store, started_at)
);
COMMENT ON COLUMN intact_cycles.next_bucket IS 'first bucket (two hex digits of object names) that is not read; 256 = all are';

CREATE TABLE intact_buckets (
  database text NOT NULL,
  store    text NOT NULL,
  bucket   integer NOT NULL CHECK (bucket BETWEEN 0 AND 255),
  read_at  timestamptz NOT NULL,
  bytes    bigint NOT NULL CHECK (bytes >= 0),
  objects  bigint NOT NULL CHECK (objects >= 0),
  PRIMARY KEY (database, store, bucket)
);
COMMENT ON TABLE intact_buckets IS 'when each bucket was last read, and what it held then';
`;
