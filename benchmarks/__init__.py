"""Side by side with what users run today; see README.md. Never a dependency, never a timed test."""
