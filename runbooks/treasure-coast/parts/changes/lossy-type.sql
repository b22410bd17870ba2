ALTER TABLE bots ALTER COLUMN monthly_price TYPE integer USING round(monthly_price)::integer;
