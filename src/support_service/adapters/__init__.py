"""Technology behind the ports: one file each; none imports another, none imports a slice."""
