"""People, their accounts, appointments and delegations."""
