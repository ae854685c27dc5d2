/** What the load of each database is and was, what is usual, who changed a pace and why, and the emergency stop. */
export const load = `
CREATE TABLE load_samples (
  database  text NOT NULL,
  source    text NOT NULL,
  at        timestamptz NOT NULL,
  -- The backup that was reading the database then; null: none, so the sample tells what is usual.
  backup_id text,
  signals   jsonb NOT NULL,
  PRIMARY KEY (database, source, at)
);
CREATE INDEX load_samples_at ON load_samples (database, at);
COMMENT ON COLUMN load_samples.signals IS 'name of the signal → number; no query texts, no paths, no data of users';

CREATE TABLE load_rollups (
  database text NOT NULL,
  grain    text NOT NULL CHECK (grain IN ('minute', 'hour', 'day')),
  start    timestamptz NOT NULL,
  source   text NOT NULL,
  -- While a backup was reading the database.
  busy     boolean NOT NULL,
  signals  jsonb NOT NULL,
  PRIMARY KEY (database, grain, start, source, busy)
);
COMMENT ON COLUMN load_rollups.signals IS 'name of the signal → count, min, mean, max, median, p90';

CREATE TABLE load_baseline (
  database     text NOT NULL,
  -- Monday 00:00 to 01:00 is 0, in the time zone of the rules.
  hour_of_week integer NOT NULL CHECK (hour_of_week BETWEEN 0 AND 167),
  source       text NOT NULL,
  signal       text NOT NULL,
  median       double precision NOT NULL,
  p90          double precision NOT NULL,
  -- Hours that it was learnt from.
  hours        integer NOT NULL CHECK (hours > 0),
  updated_at   timestamptz NOT NULL,
  PRIMARY KEY (database, hour_of_week, source, signal)
);

CREATE TABLE load_events (
  database             text NOT NULL,
  at                   timestamptz NOT NULL,
  kind                 text NOT NULL CHECK (kind IN ('pace', 'alert')),
  -- Of a pace: paused, limited or full. Of an alert: its code.
  word                 text NOT NULL,
  backup_id            text,
  max_bytes_per_second double precision,
  readers              integer,
  uploads              integer,
  set_by               text NOT NULL,
  reasons              jsonb NOT NULL,
  PRIMARY KEY (database, at, kind, word)
);
CREATE INDEX load_events_backup ON load_events (backup_id);

CREATE TABLE load_watches (
  database text PRIMARY KEY,
  at       timestamptz NOT NULL,
  -- By this server's clock, so that its age means the same to every worker.
  heard_at timestamptz NOT NULL,
  word     jsonb NOT NULL
);
COMMENT ON TABLE load_watches IS 'the last word of the watch of each database; an old one means that the watch is silent';

CREATE TABLE emergency_stops (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  since     timestamptz NOT NULL,
  set_by    text NOT NULL,
  reason    text NOT NULL,
  ended_at  timestamptz,
  ended_by  text,
  end_reason text
);
CREATE UNIQUE INDEX emergency_stops_standing ON emergency_stops ((true)) WHERE ended_at IS NULL;
COMMENT ON TABLE emergency_stops IS 'while a row has no end, no heavy work begins and none goes on';
`;
