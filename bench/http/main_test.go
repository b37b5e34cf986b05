package main

import (
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	serveIfAsked() // the servers are this binary again
	os.Exit(m.Run())
}

// started is a bench with those servers running that are Go's, which need nothing installed.
func started(t *testing.T) *bench {
	t.Helper()
	b := &bench{progress: io.Discard, scenarios: scenarios()}
	for _, c := range contestants() {
		if _, ok := goServers[c.name]; ok {
			b.servers = append(b.servers, c)
		}
	}
	if len(b.servers) != len(goServers) {
		t.Fatalf("%d of %d servers are contestants", len(b.servers), len(goServers))
	}
	t.Cleanup(b.stop)
	openFiles()
	absent, err := b.start()
	if err != nil || len(absent) > 0 {
		t.Fatalf("not all servers started: %v %q", err, absent)
	}
	return b
}

func TestEveryServerAnswersEveryCaseAlike(t *testing.T) {
	b := started(t)
	for _, p := range b.running {
		for _, s := range b.scenarios {
			if err := p.check(&s); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestWhatAServerUsesIsSeen(t *testing.T) {
	b := started(t)
	for _, p := range b.running {
		before := p.cpu()
		idle := openIdle(p.addr, 50)
		if n := idle.alive(); n != 50 {
			t.Errorf("%s holds %d of 50 idle connections", p.name, n)
		}
		if used := p.cpu() - before; used <= 0 || used > time.Minute {
			t.Errorf("%s used %v of CPU for 50 connections", p.name, used)
		}
		if m := p.memory(); m < 1<<20 || m > 1<<30 {
			t.Errorf("%s has %d bytes of memory", p.name, m)
		}
		idle.close()
	}
	fork := b.running[slices.IndexFunc(b.running, func(p *process) bool { return p.name == "Carafe, serve 2" })]
	if n := len(fork.tree()); n != 3 {
		t.Errorf("a master with two workers is %d processes", n)
	}
}

func TestAServerThatStopsLeavesNoProcess(t *testing.T) {
	b := started(t)
	var pids []int
	for _, p := range b.running {
		pids = append(pids, p.tree()...)
	}
	b.stop()
	b.running = nil
	for _, pid := range pids {
		if parentOf(pid) != 0 {
			t.Errorf("process %d is still there", pid)
		}
	}
}

func TestAWrongAnswerIsNotMeasured(t *testing.T) {
	b := started(t)
	for _, tt := range []struct {
		name string
		s    scenario
	}{
		{"another text", scenario{name: "hello", path: "/hello", want: []string{"Hello, you!"}}},
		{"another status", scenario{name: "none", path: "/none", want: []string{""}}},
		{"no session", scenario{name: "visits", path: "/hello", want: []string{hello, hello}}},
		{"a bad body that is taken", scenario{name: "bad", method: "POST", path: "/orders", body: goodOrder, want: []string{goodOrder}, bad: goodOrder}},
		{"fewer pieces", scenario{name: "stream", path: "/stream", want: []string{string(allPieces)}, pieces: pieceCount + 1}},
	} {
		if err := b.running[0].check(&tt.s); err == nil {
			t.Errorf("%s: the check of net/http finds nothing", tt.name)
		}
	}
}

func TestTheReportSaysWhatWasMissed(t *testing.T) {
	servers := contestants()
	rows := func(rates ...float64) (out []row) {
		for i, rate := range rates {
			slow := sample{perSecond: rate, cpu: time.Duration(1e9 / rate), idle: 9}
			fast := sample{perSecond: 2 * rate, cpu: time.Duration(1e9 / rate), idle: 10}
			out = append(out, row{server: servers[[]int{0, 1, 5, 6, 7}[i]], samples: []sample{slow, fast}})
		}
		return out
	}
	list := scenarios()
	idle := list[len(list)-1]
	idle.idle = 10
	r := report{rounds: 2, seconds: 1, partial: true, absent: []string{"nginx: it is not installed"}, tables: []table{
		{list[0], rows(1000, 960, 900, 970, 800)}, {list[1], rows(1000, 980, 900, 970, 800)}, {idle, rows(1000, 990)},
	}}
	var text, chart strings.Builder
	r.write(&text)
	r.writeChart(&chart)
	for _, want := range []string{
		"0.960 (0.960–0.960)", "The aim of 0.97 is **not reached**", "**Did not run:** nginx: it is not installed", "was **not** of all cases",
		"| Hello | 1.07, 0.94 | 0.99, 1.01 | 1.20, 0.83 | **not reached**: echo |", "| JSON with a variable | 1.09, 0.92 | 1.01, 0.99 | 1.23, 0.82 | reached |",
		"| **Carafe** | 1,440 (960–1,920) | 0.96 |", "still open at the end of a turn of: net/http 9, Carafe 9",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the page lacks %q:\n%s", want, text.String())
		}
	}
	if !strings.Contains(chart.String(), ">Carafe<") || strings.Count(chart.String(), "<g ") != 3 || !strings.HasSuffix(chart.String(), "</svg>\n") {
		t.Errorf("the chart is\n%s", chart.String())
	}
}

func TestFiguresAreRead(t *testing.T) {
	f, err := readFigures([]byte("Running 1s test\nfigures 100 1000000 500 900 1 2 3 4 5\n"))
	if want := (figures{100, 1000000, 500, 900, 1, 2, 3, 4, 5}); err != nil || f != want {
		t.Errorf("%v %v, not %v", f, err, want)
	}
	for _, text := range []string{"", "unable to connect", "\nfigures 1 2", "\nfigures 0 1000000 0 0 64 0 0 0 0"} {
		if f, err := readFigures([]byte(text)); err == nil {
			t.Errorf("%q is read as %v", text, f)
		}
	}
}
