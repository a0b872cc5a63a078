"""In-process twins of the real components: supported software for one machine, with no server to install."""
