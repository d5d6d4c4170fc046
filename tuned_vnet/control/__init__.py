"""The control socket: varlink server of the daemon, client of the command."""
