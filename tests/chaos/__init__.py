"""The daemon is killed at every operation boundary of every kind of plan, on the real engine (`make chaos`)."""
