"""What people are told about what happened to what is theirs: written with the event, carried out after it."""
