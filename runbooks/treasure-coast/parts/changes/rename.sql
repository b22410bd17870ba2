ALTER TABLE conversations RENAME TO chat_threads;
