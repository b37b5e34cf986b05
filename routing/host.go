package routing

// ASCIIHost writes a host, with or without a port, with its labels in ASCII, as it stands in a URI. The error is ErrBadHost.
func ASCIIHost(host string) (string, error) { return asciiHost(host) }
