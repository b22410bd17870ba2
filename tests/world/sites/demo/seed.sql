CREATE TABLE bookings (id serial PRIMARY KEY, status text NOT NULL, price numeric NOT NULL);
INSERT INTO bookings (status, price) SELECT CASE WHEN i % 3 = 0 THEN 'open' ELSE 'done' END, i
FROM generate_series(1, 30) AS i;
