"""Messages to people: always in the platform, and by SMS or mail through an outbox that survives crashes."""
