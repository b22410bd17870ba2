ALTER TABLE chat_threads RENAME TO conversations;
