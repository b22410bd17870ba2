-- several statements; the last one's rows are the result
UPDATE leads SET name = 'renamed' WHERE id = 2;
SELECT id FROM leads WHERE name = 'renamed';
