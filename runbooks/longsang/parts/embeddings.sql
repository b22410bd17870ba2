-- What the index has of each source: a type of entity is a table's name. A new source is added here.
WITH source AS (
    SELECT 'projects' AS entity_type, id::text AS id FROM projects
    UNION ALL
    SELECT 'tasks', id::text FROM tasks),
counted AS (
    SELECT s.entity_type, s.id, count(e.entity_id) AS entries, count(e.embedding) AS embeddings
      FROM source s
      LEFT JOIN context_embeddings e ON e.entity_type = s.entity_type AND e.entity_id::text = s.id
     GROUP BY s.entity_type, s.id)
SELECT c.entity_type,
       count(*) AS rows,
       count(*) FILTER (WHERE c.entries = 0) AS missing,
       count(*) FILTER (WHERE c.entries > c.embeddings) AS empty,
       count(*) FILTER (WHERE c.entries > 1) AS double,
       (SELECT count(*) FROM context_embeddings e
         WHERE e.entity_type = c.entity_type
           AND NOT EXISTS (SELECT FROM source s WHERE s.entity_type = e.entity_type AND s.id = e.entity_id::text)) AS left_over
  FROM counted c
 GROUP BY c.entity_type
 ORDER BY c.entity_type;
