package devserver

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// portHolder is who listens on a port, "" if that cannot be seen: the process of another user.
//
// Source: proc(5), net/tcp.
func portHolder(addr string) string {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return ""
	}
	n, err := net.LookupPort("tcp", port)
	if err != nil {
		return ""
	}
	inodes := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		listeningInodes(table, n, inodes)
	}
	if len(inodes) == 0 {
		return ""
	}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !inodes[strings.TrimSuffix(strings.TrimPrefix(target, "socket:["), "]")] {
			continue
		}
		pid := strings.Split(link, "/")[2]
		return fmt.Sprintf("%s (process %s)", processName(pid), pid)
	}
	return ""
}

// listeningInodes adds the sockets of a table that listen on port.
func listeningInodes(table string, port int, inodes map[string]bool) {
	const listening = "0A"
	data, err := os.ReadFile(table)
	if err != nil {
		return
	}
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) < 10 || fields[3] != listening {
			continue
		}
		_, hex, _ := strings.Cut(fields[1], ":")
		if n, err := strconv.ParseUint(hex, 16, 16); err == nil && int(n) == port {
			inodes[fields[9]] = true
		}
	}
}

// processName is the command line of a process, shortened.
func processName(pid string) string {
	line, err := os.ReadFile("/proc/" + pid + "/cmdline")
	words := strings.FieldsFunc(string(line), func(r rune) bool { return r == 0 })
	if err != nil || len(words) == 0 {
		return "another program"
	}
	words[0] = filepath.Base(words[0])
	name := strings.Join(words, " ")
	if runes := []rune(strconv.Quote(name)); len(runes) > 80 {
		return string(runes[1:78]) + "…"
	}
	return strings.Trim(strconv.Quote(name), `"`)
}
