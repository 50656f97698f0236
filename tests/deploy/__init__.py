"""Settings, embedded servers, processes, commands."""
