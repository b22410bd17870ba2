-- All rows of all tables: the table's oid, and the row as JSON.
SELECT c.oid || E'\t' || c.oid::regclass || E'\t' ||
       coalesce((SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = c.oid), '') || E'\t' ||
       coalesce((xpath('//r/text()', query_to_xml(format('SELECT json_agg(to_json(t))::text AS r FROM ONLY %s t', c.oid::regclass), true, true, '')))[1]::text, '')
  FROM pg_class c
 WHERE c.oid >= 16384 AND c.relkind IN ('r', 'm') AND c.relispopulated AND c.relpersistence <> 't';
