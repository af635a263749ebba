"""One page that hears songs by itself, in a browser; and a server that helps it with what browsers cannot decode."""
