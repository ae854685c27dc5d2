/** The catalogue's first tables. Unqualified names: the runner sets the search path to the catalogue's schema. */
export const initial = `
CREATE TABLE backup_jobs (
  id                  uuid PRIMARY KEY,
  backup_id           text NOT NULL UNIQUE,
  database            text NOT NULL,
  engine              text NOT NULL CHECK (engine IN ('logical', 'physical')),
  backup_type         text NOT NULL CHECK (backup_type IN ('full', 'incremental', 'differential')),
  based_on            text,
  status              text NOT NULL CHECK (status IN ('running', 'completed', 'failed')),
  file_size           bigint CHECK (file_size >= 0),
  plain_bytes         bigint CHECK (plain_bytes >= 0),
  uploaded_bytes      bigint CHECK (uploaded_bytes >= 0),
  reused_bytes        bigint CHECK (reused_bytes >= 0),
  rows                bigint CHECK (rows >= 0),
  segments            bigint CHECK (segments >= 0),
  location            text,
  verification_status text CHECK (verification_status IN ('stored', 'intact', 'restored', 'exact', 'failed')),
  error_message       text,
  error_code          text,
  workflow_id         text,
  run_id              text,
  started_at          timestamptz NOT NULL,
  completed_at        timestamptz,
  tombstoned_at       timestamptz,
  tombstone_reason    text,
  deleted_at          timestamptz,
  CHECK ((status = 'running') = (completed_at IS NULL))
);
CREATE INDEX backup_jobs_status_started_at ON backup_jobs (status, started_at);
CREATE INDEX backup_jobs_database_started_at ON backup_jobs (database, started_at);
COMMENT ON COLUMN backup_jobs.file_size IS 'sealed bytes of the whole backup, reused segments included';
COMMENT ON COLUMN backup_jobs.location IS 'key of the manifest below each store';

CREATE TABLE copies (
  backup_id  text NOT NULL,
  store      text NOT NULL,
  database   text NOT NULL,
  state      text NOT NULL CHECK (state IN ('pending', 'copying', 'complete', 'proved', 'damaged', 'lost')),
  grade      text CHECK (grade IN ('stored', 'intact', 'restored', 'exact')),
  proved_at  timestamptz,
  updated_at timestamptz NOT NULL,
  detail     text,
  PRIMARY KEY (backup_id, store)
);
CREATE INDEX copies_database ON copies (database, store);

CREATE TABLE proofs (
  backup_id  text NOT NULL,
  store      text NOT NULL,
  started_at timestamptz NOT NULL,
  database   text NOT NULL,
  grade      text CHECK (grade IN ('stored', 'intact', 'restored', 'exact')),
  record     jsonb NOT NULL,
  PRIMARY KEY (backup_id, store, started_at)
);
CREATE INDEX proofs_database_started_at ON proofs (database, started_at);

CREATE TABLE journal (
  backup_id    text NOT NULL,
  segment_id   text NOT NULL,
  object       text NOT NULL,
  plain_bytes  bigint NOT NULL,
  sealed_bytes bigint NOT NULL,
  stores       text[] NOT NULL,
  PRIMARY KEY (backup_id, segment_id)
);

CREATE TABLE holds (
  id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  backup_id   text NOT NULL,
  database    text NOT NULL,
  holder      text NOT NULL,
  reason      text NOT NULL,
  created_at  timestamptz NOT NULL,
  released_at timestamptz
);
-- The same hold placed twice is one hold.
CREATE UNIQUE INDEX holds_active ON holds (backup_id, holder, md5(reason)) WHERE released_at IS NULL;
CREATE INDEX holds_database ON holds (database, created_at);

CREATE TABLE audit_log (
  seq        bigint PRIMARY KEY,
  at         timestamptz NOT NULL,
  actor      text NOT NULL,
  action     text NOT NULL,
  database   text,
  backup_id  text,
  details    jsonb NOT NULL,
  -- SHA-256 of the content alone: the same entry appended again is found.
  content    text NOT NULL UNIQUE,
  hash       text NOT NULL
);
CREATE INDEX audit_log_database ON audit_log (database, seq);

CREATE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END
$body$;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log
  FOR EACH ROW EXECUTE FUNCTION audit_log_is_append_only();
CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only();
`;
