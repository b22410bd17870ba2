ALTER TABLE appointments ALTER COLUMN id TYPE bigint;
ALTER SEQUENCE appointments_id_seq AS bigint;
