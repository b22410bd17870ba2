ALTER TABLE IF EXISTS chat_threads RENAME TO conversations;
