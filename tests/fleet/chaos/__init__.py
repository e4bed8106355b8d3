"""A whole fleet that is killed at random while people buy, and the reckoning afterwards.

`python -m tests.fleet.chaos --minutes 2 --seed 7` (`bin/soak`). `town` is what runs and where, `keeper` starts
again what dies, `mischief` kills, `buyers` buy over HTTP and remember every answer, `reckoning` compares
what they were told with the rows and with the provider's books.
"""
