-- How much is there: the verification that follows every restore.
SELECT 'leads' AS table_name, count(*) AS count FROM leads
UNION ALL SELECT 'appointments', count(*) FROM appointments
UNION ALL SELECT 'conversations', count(*) FROM conversations
UNION ALL SELECT 'bots', count(*) FROM bots
UNION ALL SELECT 'workspaces', count(*) FROM workspaces
