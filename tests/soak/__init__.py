"""A daemon with many pods on the real engine, to whom everything happens for a long time (`make soak`)."""
