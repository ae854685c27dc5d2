/** How far the audit log goes, kept apart from it: a chain alone cannot tell that its last entries were taken away. */
export const auditHead = `
CREATE TABLE audit_head (
  -- One row.
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  seq    bigint NOT NULL,
  hash   text NOT NULL
);
COMMENT ON TABLE audit_head IS 'the last entry of audit_log; moved by a trigger, so that every version of Holdfast moves it';

INSERT INTO audit_head (seq, hash) SELECT seq, hash FROM audit_log ORDER BY seq DESC LIMIT 1;

CREATE FUNCTION audit_head_moves() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  EXECUTE pg_catalog.format(
    'INSERT INTO %I.audit_head (seq, hash) VALUES ($1, $2)
     ON CONFLICT (single) DO UPDATE SET seq = EXCLUDED.seq, hash = EXCLUDED.hash',
    TG_TABLE_SCHEMA
  ) USING NEW.seq, NEW.hash;
  RETURN NULL;
END
$body$;
CREATE TRIGGER audit_head_moves AFTER INSERT ON audit_log
  FOR EACH ROW EXECUTE FUNCTION audit_head_moves();

CREATE TRIGGER audit_head_goes_forward BEFORE UPDATE ON audit_head
  FOR EACH ROW WHEN (NEW.seq <= OLD.seq) EXECUTE FUNCTION audit_log_is_append_only();
CREATE TRIGGER audit_head_stays BEFORE DELETE ON audit_head
  FOR EACH ROW EXECUTE FUNCTION audit_log_is_append_only();
CREATE TRIGGER audit_head_no_truncate BEFORE TRUNCATE ON audit_head
  FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only();
`;
