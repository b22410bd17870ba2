ALTER SEQUENCE appointments_id_seq AS integer;
ALTER TABLE appointments ALTER COLUMN id TYPE integer;
