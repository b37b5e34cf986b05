package devserver

import (
	"errors"
	"fmt"
	"syscall"
)

// listenError says what can be done about an address that cannot be listened on.
func listenError(addr string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EADDRINUSE):
		who := "another program"
		if holder := portHolder(addr); holder != "" {
			who = holder
		}
		return fmt.Errorf("carafe: %s is in use by %s: stop that, or choose another port with carafe.Addr(\"127.0.0.1:8000\") or CARAFE_RUN_PORT=8000 "+
			"(on macOS, AirPlay Receiver takes port 5000): %w", addr, who, err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("carafe: %s needs more rights than this user has: choose a port above 1023: %w", addr, err)
	}
	return fmt.Errorf("carafe: cannot listen on %s: %w", addr, err)
}
