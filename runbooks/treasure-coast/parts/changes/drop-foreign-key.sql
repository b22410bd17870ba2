ALTER TABLE appointments DROP CONSTRAINT appointments_lead_id_fkey;
