"""Tags of the back office's templates."""
