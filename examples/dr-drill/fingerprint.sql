-- What must be the same before and after: how many rows there are, and one checksum of them all.
SELECT sum(rows) AS total_rows, md5(string_agg(digest, '' ORDER BY name)) AS checksum
  FROM (
    SELECT 'clients' AS name, count(*) AS rows, md5(string_agg(t::text, '' ORDER BY id)) AS digest FROM clients t
    UNION ALL
    SELECT 'staff', count(*), md5(string_agg(t::text, '' ORDER BY id)) FROM staff t
    UNION ALL
    SELECT 'services', count(*), md5(string_agg(t::text, '' ORDER BY id)) FROM services t
    UNION ALL
    SELECT 'appointments', count(*), md5(string_agg(t::text, '' ORDER BY id)) FROM appointments t
    UNION ALL
    SELECT 'payments', count(*), md5(string_agg(t::text, '' ORDER BY id)) FROM payments t
    UNION ALL
    SELECT 'messages', count(*), md5(string_agg(t::text, '' ORDER BY id)) FROM messages t
  ) AS tables
