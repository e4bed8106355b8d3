"""The commands of the house: `shigu serve`, `seed`, `audit`, `messages`."""
