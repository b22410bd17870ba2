-- what is old
SELECT 1;
DROP TABLE leads;
