-- Six tables of a small appointment business, 110,000 rows and more, the same in every drill.
CREATE TABLE clients (
    id integer PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL
);
CREATE TABLE staff (
    id integer PRIMARY KEY,
    name text NOT NULL
);
CREATE TABLE services (
    id integer PRIMARY KEY,
    name text NOT NULL,
    price numeric(8, 2) NOT NULL
);
CREATE TABLE appointments (
    id integer PRIMARY KEY,
    client_id integer NOT NULL REFERENCES clients,
    staff_id integer NOT NULL REFERENCES staff,
    service_id integer NOT NULL REFERENCES services,
    starts_at timestamptz NOT NULL
);
CREATE TABLE payments (
    id integer PRIMARY KEY,
    appointment_id integer NOT NULL REFERENCES appointments,
    amount numeric(8, 2) NOT NULL
);
CREATE TABLE messages (
    id integer PRIMARY KEY,
    client_id integer NOT NULL REFERENCES clients,
    body text NOT NULL
);

INSERT INTO clients
    SELECT i, 'Client ' || i, 'client' || i || '@example.org',
           timestamptz '2026-01-01 00:00+00' + i * interval '1 minute'
      FROM generate_series(1, 20000) AS i;
INSERT INTO staff SELECT i, 'Member ' || i FROM generate_series(1, 40) AS i;
INSERT INTO services SELECT i, 'Service ' || i, 20 + i * 1.25 FROM generate_series(1, 25) AS i;
INSERT INTO appointments
    SELECT i, 1 + i * 7 % 20000, 1 + i % 40, 1 + i % 25,
           timestamptz '2026-01-01 08:00+00' + i * interval '7 minutes'
      FROM generate_series(1, 50000) AS i;
INSERT INTO payments
    SELECT i, i, 20 + (1 + i % 25) * 1.25 FROM generate_series(1, 30000) AS i;
INSERT INTO messages
    SELECT i, 1 + i * 3 % 20000, 'Reminder ' || md5(i::text) FROM generate_series(1, 10000) AS i;
