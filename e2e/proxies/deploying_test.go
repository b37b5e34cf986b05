//go:build linux

package proxies_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/carafeweb/carafe/server"
)

// blocks are the code blocks of docs/deploying.md in one language.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	page, err := os.ReadFile("../../docs/deploying.md")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```").FindAllStringSubmatch(string(page), -1) {
		list = append(list, m[1])
	}
	if len(list) == 0 {
		t.Fatalf("docs/deploying.md has no block of %s", language)
	}
	return list
}

func TestTheConfigurationsOfTheGuideAreGood(t *testing.T) {
	t.Run("caddy says so of its own", func(t *testing.T) {
		caddy := installed(t, "caddy")
		dir := t.TempDir()
		write(t, filepath.Join(dir, "Caddyfile"), blocks(t, "caddyfile")[0])
		cmd := exec.Command(caddy, "validate", "--adapter", "caddyfile", "--config", filepath.Join(dir, "Caddyfile"))
		cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("caddy validate: %v\n%s", err, out)
		}
	})
	t.Run("nginx says so of its own", func(t *testing.T) {
		nginx := installed(t, "nginx")
		dir := t.TempDir()
		text := "pid " + dir + "/pid;\nevents {}\nhttp {\naccess_log off;\n" + blocks(t, "nginx")[0] + "}\n"
		write(t, filepath.Join(dir, "n.conf"), strings.Replace(text, "listen 80;", "listen "+freePorts(t, 1)[0]+";", 1))
		if out, err := exec.Command(nginx, "-t", "-p", dir, "-e", "stderr", "-c", filepath.Join(dir, "n.conf")).CombinedOutput(); err != nil {
			t.Errorf("nginx -t: %v\n%s", err, out)
		}
	})
	t.Run("haproxy says so of its own", func(t *testing.T) {
		haproxy := installed(t, "haproxy")
		path := filepath.Join(t.TempDir(), "h.cfg")
		write(t, path, blocks(t, "haproxy")[0])
		if out, err := exec.Command(haproxy, "-c", "-f", path).CombinedOutput(); err != nil {
			t.Errorf("haproxy -c: %v\n%s", err, out)
		}
	})
	t.Run("systemd knows every key of the units", func(t *testing.T) {
		analyze := installed(t, "systemd-analyze")
		dir := t.TempDir()
		var paths []string
		for _, unit := range blocks(t, "ini") {
			name := filepath.Base(strings.TrimSpace(strings.TrimPrefix(strings.SplitN(unit, "\n", 2)[0], "#")))
			paths = append(paths, filepath.Join(dir, name))
			write(t, paths[len(paths)-1], unit, "/usr/local/bin/shop", faults)
		}
		out, err := exec.Command(analyze, append([]string{"verify", "--man=no"}, paths...)...).CombinedOutput()
		for line := range strings.SplitSeq(string(out), "\n") {
			// It also speaks of units of this machine, and of buses that a container has not.
			if strings.Contains(line, "shop.") && (strings.Contains(line, "Unknown") || strings.Contains(line, "Failed to parse") || strings.Contains(line, "Invalid")) {
				t.Errorf("systemd-analyze (%v): %s", err, line)
			}
		}
	})
	t.Run("the server's own file is read", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "shop.toml")
		write(t, path, blocks(t, "toml")[0])
		var c server.Config
		if err := c.FromFile(path); err != nil || c.RequestTimeout != 20*time.Second || len(c.TrustedProxies) != 1 {
			t.Errorf("%v; %+v", err, c)
		}
	})
}

// manifest is the part of Kubernetes' objects that the guide's promises are about.
type manifest struct {
	Kind string
	Spec struct {
		Template struct {
			Spec struct {
				Grace      int `yaml:"terminationGracePeriodSeconds"`
				Containers []struct {
					Env   []struct{ Name, Value string }
					Args  []string
					Ready struct {
						Get struct{ Path, Port string } `yaml:"httpGet"`
					} `yaml:"readinessProbe"`
					Ports []struct{ Name string }
				}
			}
		}
	}
}

func TestTheManifestsOfTheGuideKeepTheContract(t *testing.T) {
	kinds := map[string]bool{}
	for _, text := range blocks(t, "yaml") {
		var m manifest
		if err := yaml.Unmarshal([]byte(text), &m); err != nil {
			t.Fatal(err)
		}
		kinds[m.Kind] = true
		if m.Kind != "Deployment" {
			continue
		}
		if len(m.Spec.Template.Spec.Containers) != 1 {
			t.Fatalf("the pod has %d containers", len(m.Spec.Template.Spec.Containers))
		}
		pod := m.Spec.Template.Spec.Containers[0]
		var c server.Config
		for _, e := range pod.Env {
			t.Setenv(e.Name, e.Value)
		}
		if err := c.FromEnv(); err != nil {
			t.Fatal(err)
		}
		if need := c.DrainDelay + c.GracefulTimeout; time.Duration(m.Spec.Template.Spec.Grace)*time.Second <= need {
			t.Errorf("terminationGracePeriodSeconds is %d, drain_delay and graceful_timeout are %v together", m.Spec.Template.Spec.Grace, need)
		}
		if pod.Ready.Get.Path != c.ReadyPath || c.DrainDelay == 0 {
			t.Errorf("readiness asks for %q, the server answers at %q, for %v", pod.Ready.Get.Path, c.ReadyPath, c.DrainDelay)
		}
	}
	if !kinds["Deployment"] || !kinds["Service"] {
		t.Errorf("the manifests are %v, want a Deployment and a Service", kinds)
	}
}
