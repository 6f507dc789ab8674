-- One message as it is, with its whole payload.
SELECT * FROM messages WHERE message = $message
