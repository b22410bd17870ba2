-- What there is: kind, identity, name, and the relation that it goes with, by tabs.
SELECT concat_ws(E'\t', kind, id, name, owner) FROM (
    SELECT 'relation' AS kind, c.oid::text AS id, c.oid::regclass::text AS name,
           coalesce(i.indrelid, h.inhparent, d.refobjid)::regclass::text AS owner
      FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
           LEFT JOIN pg_inherits h ON h.inhrelid = c.oid
           LEFT JOIN pg_depend d ON d.objid = c.oid AND d.classid = 'pg_class'::regclass
                 AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND c.relkind = 'S'
     WHERE c.oid >= 16384 AND c.relkind NOT IN ('t', 'c') AND c.relnamespace <> 99
       AND c.relnamespace::regnamespace::text !~ '^pg_toast'
    UNION ALL SELECT 'file', c.oid || '/' || c.relfilenode, c.oid::regclass::text, NULL
      FROM pg_class c WHERE c.oid >= 16384 AND c.relkind IN ('r', 'm') AND c.relpersistence <> 't'
    UNION ALL SELECT 'durability', c.oid::text, c.oid::regclass::text, c.oid::regclass::text
      FROM pg_class c WHERE c.oid >= 16384 AND c.relkind = 'r' AND c.relpersistence = 'p'
    UNION ALL SELECT 'column', attrelid || '.' || attnum, attrelid::regclass || '.' || quote_ident(attname), attrelid::regclass::text
      FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
     WHERE attrelid >= 16384 AND attnum > 0 AND NOT attisdropped AND c.relkind NOT IN ('i', 'I', 't', 'S')
    UNION ALL SELECT 'type of', attrelid || '.' || attnum || ' ' || atttypid || '/' || atttypmod, attrelid::regclass || '.' || quote_ident(attname), attrelid::regclass::text
      FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
     WHERE attrelid >= 16384 AND attnum > 0 AND NOT attisdropped AND c.relkind NOT IN ('i', 'I', 't', 'S', 'v', 'm')
    UNION ALL SELECT 'not null of', attrelid || '.' || attnum, attrelid::regclass || '.' || quote_ident(attname), attrelid::regclass::text
      FROM pg_attribute WHERE attrelid >= 16384 AND attnum > 0 AND attnotnull AND NOT attisdropped
    UNION ALL SELECT 'not null of', oid::text, oid::regtype::text, oid::regtype::text FROM pg_type WHERE typnotnull
    UNION ALL SELECT 'constraint', oid::text,
           CASE WHEN conrelid <> 0 THEN conrelid::regclass::text ELSE contypid::regtype::text END || '.' || quote_ident(conname),
           CASE WHEN conrelid <> 0 THEN conrelid::regclass::text ELSE contypid::regtype::text END
      FROM pg_constraint WHERE oid >= 16384 AND contype <> 't'
    UNION ALL SELECT 'type', oid::text, oid::regtype::text, NULL FROM pg_type
     WHERE oid >= 16384 AND typtype IN ('e', 'd', 'r') OR oid >= 16384 AND typtype = 'c'
       AND typrelid IN (SELECT oid FROM pg_class WHERE relkind = 'c')
    UNION ALL SELECT 'label', oid::text, enumtypid::regtype || '.' || quote_ident(enumlabel), enumtypid::regtype::text FROM pg_enum WHERE oid >= 16384
    UNION ALL SELECT 'function', oid::text, oid::regproc::text, NULL FROM pg_proc
     WHERE oid >= 16384 AND pronamespace::regnamespace::text !~ '^pg_' AND oid NOT IN (SELECT objid FROM pg_depend WHERE deptype = 'e')
    UNION ALL SELECT 'schema', oid::text, oid::regnamespace::text, NULL FROM pg_namespace WHERE nspname !~ '^pg_'
    UNION ALL SELECT 'trigger', oid::text, tgrelid::regclass || '.' || quote_ident(tgname), tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'policy', oid::text, polrelid::regclass || '.' || quote_ident(polname), polrelid::regclass::text FROM pg_policy
    UNION ALL SELECT 'rule', oid::text, ev_class::regclass || '.' || quote_ident(rulename), ev_class::regclass::text FROM pg_rewrite WHERE oid >= 16384 AND rulename <> '_RETURN'
    UNION ALL SELECT 'statistics', oid::text, stxnamespace::regnamespace || '.' || quote_ident(stxname), stxrelid::regclass::text FROM pg_statistic_ext
    UNION ALL SELECT 'role', oid::text, oid::regrole::text, NULL FROM pg_roles WHERE oid >= 16384
    UNION ALL SELECT 'database', oid::text, quote_ident(datname), NULL FROM pg_database
    UNION ALL SELECT 'tablespace', oid::text, quote_ident(spcname), NULL FROM pg_tablespace
    UNION ALL SELECT 'extension', oid::text, quote_ident(extname), NULL FROM pg_extension
    UNION ALL SELECT 'publication', oid::text, quote_ident(pubname), NULL FROM pg_publication
    UNION ALL SELECT 'server', oid::text, quote_ident(srvname), NULL FROM pg_foreign_server
    UNION ALL SELECT 'foreign data wrapper', oid::text, quote_ident(fdwname), NULL FROM pg_foreign_data_wrapper
    UNION ALL SELECT 'operator', oid::text, quote_ident(oprname), NULL FROM pg_operator WHERE oid >= 16384
    UNION ALL SELECT 'cast', oid::text, castsource::regtype || ' to ' || casttarget::regtype, NULL FROM pg_cast WHERE oid >= 16384
    UNION ALL SELECT 'text search configuration', oid::text, quote_ident(cfgname), NULL FROM pg_ts_config WHERE oid >= 16384
    UNION ALL SELECT 'collation', oid::text, quote_ident(collname), NULL FROM pg_collation WHERE oid >= 16384
    UNION ALL SELECT 'large object', oid::text, oid::text, NULL FROM pg_largeobject_metadata
    UNION ALL SELECT 'prepared transaction', gid, gid, NULL FROM pg_prepared_xacts
) AS everything;
