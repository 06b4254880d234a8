-- What a text message took: counted when it is known to have left, and put right when its provider
-- tells more. NULL: nothing is known of it.

ALTER TABLE messages ADD COLUMN sms_segments INTEGER;
-- in millionths of the campaign's currency
ALTER TABLE messages ADD COLUMN cost_micros INTEGER;
