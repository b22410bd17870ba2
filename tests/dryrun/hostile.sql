# A script a line. Nothing of it leaves a trace in a dry run, and nothing but what stands before
# `=> tried` may be carried out, even in a transaction that is rolled back. Behind `=> ` stands also
# what a step must say it may destroy.

INSERT INTO calm VALUES (9)
=> tried
INSERT INTO calm (a) SELECT a + 10 FROM calm WHERE b LIKE 'x%'
=> tried
UPDATE calm SET b = upper(b) WHERE a = 1
=> tried
WITH gone AS (DELETE FROM calm WHERE a = 2 RETURNING a) SELECT count(*) FROM gone
=> tried
ALTER TABLE calm ADD COLUMN c int DEFAULT 3
=> tried
CREATE TABLE made (n serial PRIMARY KEY, a int); INSERT INTO made (a) VALUES (1)
=> tried
SELECT a INTO copied FROM calm
=> tried

# ---- what the text itself does
SELECT nextval('trap')
SELECT setval('trap', 5)
SELECT spring()
=> destroys anything by spring()
SELECT set_config('search_path', 'pg_catalog', false)
SELECT pg_notify('channel', 'x')
NOTIFY channel
LISTEN channel
SELECT dblink_exec('host=/nowhere', 'SELECT 1')
=> destroys anything by dblink_exec()
SELECT lo_create(0)
SELECT lo_from_bytea(0, 'x')
SELECT pg_advisory_lock(7)
SELECT txid_current()
SELECT pg_switch_wal()
DO $$ BEGIN PERFORM nextval('trap'); END $$
=> destroys anything
CALL purge()
=> destroys anything by purge()
COPY calm TO PROGRAM 'touch /tmp/dryrun-was-here'
=> destroys anything
COPY calm TO '/tmp/dryrun-copy-was-here'
=> destroys file /tmp/dryrun-copy-was-here
CREATE DATABASE other
=> alone
VACUUM calm
=> alone
CREATE INDEX CONCURRENTLY calm_b ON calm (b)
=> alone
ALTER SYSTEM SET work_mem = '5MB'
=> alone
CREATE EXTENSION lo
EXPLAIN ANALYZE SELECT nextval('trap')
INSERT INTO calm SELECT nextval('trap')::int
CREATE TABLE filled AS SELECT nextval('trap') AS n
CREATE TABLE counting (n bigint DEFAULT nextval('trap')); INSERT INTO counting DEFAULT VALUES
ALTER TABLE calm ADD COLUMN n bigint DEFAULT nextval('trap')
TRUNCATE by_serial RESTART IDENTITY
=> destroys rows of by_serial
PREPARE p AS SELECT nextval('trap'); EXECUTE p
=> destroys anything
SET search_path TO public; INSERT INTO calm VALUES (9)
LOCK TABLE calm; SELECT spring()
=> destroys anything by spring()

# ---- what the server adds
INSERT INTO by_default (a) VALUES (1)
INSERT INTO by_text (a) VALUES (1)
INSERT INTO by_identity (a) VALUES (1)
INSERT INTO by_serial (a) VALUES (1)
INSERT INTO by_generated (a) VALUES (1)
INSERT INTO by_check VALUES (1)
INSERT INTO by_index VALUES (1)
INSERT INTO by_predicate VALUES (1)
INSERT INTO by_trigger VALUES (1)
ALTER TABLE by_disabled_trigger ENABLE TRIGGER sprung; INSERT INTO by_disabled_trigger VALUES (1)
INSERT INTO by_rule VALUES (1)
INSERT INTO by_domain VALUES (1)
INSERT INTO by_policy VALUES (1)
INSERT INTO parts VALUES (1)
DELETE FROM parent WHERE id = 1
INSERT INTO calm SELECT a FROM seen
CREATE TABLE alike (LIKE by_text INCLUDING ALL); INSERT INTO alike (a) VALUES (1)
CREATE TABLE heir () INHERITS (by_default); INSERT INTO heir (a) VALUES (1)
UPDATE by_serial SET n = DEFAULT WHERE a = 0
INSERT INTO calm (a) SELECT lower(a) FROM calm
DELETE FROM calm WHERE a < 'x'::text
INSERT INTO calm VALUES (1::springing)
CREATE TABLE typed (a springing); INSERT INTO typed VALUES (1)
