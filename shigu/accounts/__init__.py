"""People: who signs in, how they are shown, where goods are sent."""
