//go:build unix

package server

import "os"

// HandOverPIDFile has an old master leave its pidfile to a new one, which renames its own either before the old one ends or
// after. It reports what the file holds at the end.
func HandOverPIDFile(path string, after bool) (string, error) {
	first, err := lockPIDFile(path, false)
	if err != nil {
		return "", err
	}
	second, err := lockPIDFile(path, true)
	if err != nil {
		return "", err
	}
	defer second.close()
	if first.succeeded(os.Getpid()) {
		first.leave()
	}
	if after {
		first.close()
		text, err := os.ReadFile(path) // still there: nobody finds none
		if err != nil {
			return string(text), err
		}
	}
	if err := second.promote(); err != nil {
		return "", err
	}
	first.close()
	text, err := os.ReadFile(path)
	return string(text), err
}

// TakesBalance reports whether a worker process with this configuration looks at the scoreboard.
func TakesBalance(c Config) (bool, error) {
	score := scoreFile() // openScore keeps the descriptor
	r, err := c.resolved()
	if err != nil {
		return false, err
	}
	in, err := takeUp(&c, r, &legacy{score: int(score.Fd())})
	if err != nil {
		return false, err
	}
	defer in.logs.close()
	return in.score != nil, nil
}
