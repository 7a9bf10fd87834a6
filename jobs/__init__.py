"""The entry points: the night, its steps, the scheduler, reports, and the command line."""
