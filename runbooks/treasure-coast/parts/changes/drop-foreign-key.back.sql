ALTER TABLE appointments
    DROP CONSTRAINT IF EXISTS appointments_lead_id_fkey,
    ADD CONSTRAINT appointments_lead_id_fkey FOREIGN KEY (lead_id) REFERENCES leads (id);
