/** How far backups meet the copy policy, over time; the life of stores; copies of retired stores. */
export const compliance = `
ALTER TABLE copies DROP CONSTRAINT copies_state_check;
ALTER TABLE copies ADD CONSTRAINT copies_state_check
  CHECK (state IN ('pending', 'copying', 'complete', 'proved', 'damaged', 'lost', 'retired'));

CREATE TABLE compliance (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  backup_id text NOT NULL,
  database  text NOT NULL,
  at        timestamptz NOT NULL,
  met       integer NOT NULL CHECK (met >= 0),
  wanted    integer NOT NULL CHECK (wanted >= met),
  proved    integer NOT NULL CHECK (proved >= 0),
  compliant boolean NOT NULL,
  missing   jsonb NOT NULL
);
CREATE INDEX compliance_backup ON compliance (backup_id, id);
CREATE INDEX compliance_database_at ON compliance (database, at);
COMMENT ON TABLE compliance IS 'one row for each change of what a backup has of the copies that the policy wants';

CREATE TABLE store_life (
  store  text PRIMARY KEY,
  state  text NOT NULL CHECK (state IN ('active', 'draining', 'retired')),
  since  timestamptz NOT NULL,
  who    text NOT NULL,
  reason text
);
COMMENT ON TABLE store_life IS 'what people decided about stores; a store without a row is active';
`;
