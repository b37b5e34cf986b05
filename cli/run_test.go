package cli_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/cli"
)

func TestCertificateAndKeyGoTogether(t *testing.T) {
	for _, tt := range []struct {
		name string
		args string
		want string // part of the error, "" for none
	}{
		{"a certificate without a key", "--cert server.pem", "--cert needs --key"},
		{"a key without a certificate", "--key server.key", "--key needs --cert"},
		{"both, the certificate first", "--cert server.pem --key server.key", ""},
		{"both, the key first", "--key server.key --cert server.pem", ""},
		{"a certificate that is made", "--cert adhoc", ""},
		{"a certificate that is made, with a key", "--cert adhoc --key server.key", `when --cert is "adhoc", --key is not used`},
		{"neither", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := cli.CheckRun(strings.Fields(tt.args))
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("run %s: %v, want %q", tt.args, err, tt.want)
			}
		})
	}
}

func TestWhatTheReloaderIsToldByTheOptions(t *testing.T) {
	list := string(os.PathListSeparator)
	extra, exclude := cli.WatchedByRun([]string{"--exclude-patterns", "*.tmp" + list + "build/**", "--extra-files=a" + list + list + "b"})
	if want := []string{"*.tmp", "build/**"}; !slices.Equal(exclude, want) {
		t.Errorf("--exclude-patterns gives %v, want %v", exclude, want)
	}
	if want := []string{"a", "b"}; !slices.Equal(extra, want) {
		t.Errorf("--extra-files gives %v, want %v", extra, want)
	}
}

func TestTheAddressOfRun(t *testing.T) {
	for _, tt := range []struct{ name, port, args, want string }{
		{"left to the program", "", "", ""},
		{"a port alone", "", "-p 8000", "127.0.0.1:8000"},
		{"a host alone", "", "-h ::1", "[::1]:5000"},
		{"a host alone, with PORT in the environment", "9000", "-h 0.0.0.0", "0.0.0.0:9000"},
		{"both", "9000", "--host 0.0.0.0 --port 80", "0.0.0.0:80"},
		{"a socket file", "", "--host unix:/tmp/x.sock", "unix:/tmp/x.sock"},
	} {
		t.Setenv("PORT", tt.port)
		if got := cli.AddressOfRun(strings.Fields(tt.args)); got != tt.want {
			t.Errorf("%s: run %s listens on %q, want %q", tt.name, tt.args, got, tt.want)
		}
	}
}
