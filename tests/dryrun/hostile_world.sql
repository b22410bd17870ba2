-- What hides code behind ordinary statements, for hostile.sql. All of it counts in `trap`, which no
-- rollback undoes.
CREATE SEQUENCE trap;
CREATE FUNCTION spring() RETURNS int LANGUAGE sql AS 'SELECT nextval(''trap'')::int';
CREATE FUNCTION spring_quietly(a int) RETURNS int LANGUAGE plpgsql IMMUTABLE
    AS 'BEGIN PERFORM nextval(''trap''); RETURN a; END';
CREATE FUNCTION spring_on_row() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN PERFORM nextval(''trap''); RETURN NEW; END';
CREATE TABLE by_default (a int, n int DEFAULT spring());
CREATE TABLE by_text (a int, n bigint DEFAULT nextval(('tr' || 'ap')::text));
CREATE TABLE by_identity (a int, n int GENERATED ALWAYS AS IDENTITY);
CREATE TABLE by_serial (a int, n serial);
CREATE TABLE by_generated (a int, n int GENERATED ALWAYS AS (spring_quietly(a)) STORED);
CREATE TABLE by_check (a int CHECK (spring_quietly(a) >= 0));
CREATE TABLE by_index (a int);
CREATE INDEX ON by_index (spring_quietly(a));
CREATE TABLE by_predicate (a int);
CREATE INDEX ON by_predicate (a) WHERE spring_quietly(a) > 0;
CREATE TABLE by_trigger (a int);
CREATE TRIGGER sprung BEFORE INSERT OR UPDATE ON by_trigger
    FOR EACH ROW EXECUTE FUNCTION spring_on_row();
CREATE TABLE by_disabled_trigger (a int);
CREATE TRIGGER sprung BEFORE INSERT ON by_disabled_trigger
    FOR EACH ROW EXECUTE FUNCTION spring_on_row();
ALTER TABLE by_disabled_trigger DISABLE TRIGGER sprung;
CREATE TABLE by_rule (a int);
CREATE RULE sprung AS ON INSERT TO by_rule DO ALSO SELECT spring();
CREATE DOMAIN springing AS int CHECK (spring_quietly(VALUE) >= 0);
CREATE TABLE by_domain (a springing);
CREATE TABLE by_policy (a int);
ALTER TABLE by_policy ENABLE ROW LEVEL SECURITY;
ALTER TABLE by_policy FORCE ROW LEVEL SECURITY;
CREATE POLICY sprung ON by_policy USING (spring() > 0);
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE, a int);
CREATE TRIGGER sprung AFTER DELETE ON child FOR EACH ROW EXECUTE FUNCTION spring_on_row();
CREATE TABLE parts (a int) PARTITION BY LIST (a);
CREATE TABLE part_one PARTITION OF parts FOR VALUES IN (1);
CREATE TRIGGER sprung BEFORE INSERT ON part_one FOR EACH ROW EXECUTE FUNCTION spring_on_row();
CREATE VIEW seen AS SELECT spring() AS a;
CREATE TABLE calm (a int PRIMARY KEY, b text DEFAULT 'x' CHECK (length(b) < 100));
INSERT INTO calm SELECT n FROM generate_series(1, 3) n;
INSERT INTO parent VALUES (1), (2);
INSERT INTO child VALUES (1, 1);
CREATE EXTENSION dblink;
SELECT setval('trap', 1000, false);
