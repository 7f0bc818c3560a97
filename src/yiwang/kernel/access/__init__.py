"""Who may do what on which rows: roles, scopes, the actor, the read door and the write door."""
