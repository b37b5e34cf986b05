package server_test

import (
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/carafeweb/carafe/server"
)

func TestASmallHeapIsLetGrowToTheFloorAndALargeOneIsNot(t *testing.T) {
	const mib = 1 << 20
	for _, tt := range []struct {
		name        string
		live, roots int64
		want        int
	}{
		{"nothing is alive", 0, 0, 700},
		{"a little is alive", 2 * mib, 0, 700},
		{"8 MiB are alive: collected at 32", 8 * mib, 0, 300},
		{"half of the floor is alive: Go's own rule comes to the same", 16 * mib, 0, 100},
		{"more is alive than the floor", 400 * mib, 0, 100},
		{"stacks are more than the floor", 0, 52 * mib, 100},
		{"stacks have a part of it", 4 * mib, 4 * mib, 350},
	} {
		if got := server.FloorPercent(tt.live, tt.roots); got != tt.want {
			t.Errorf("%s: GOGC is %d, want %d", tt.name, got, tt.want)
		}
	}
}

// percentNow is GOGC as it is in force.
func percentNow() int {
	m := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(m)
	return int(m[0].Value.Uint64())
}

// serveWithFloor serves nothing, for as long as a test looks at GOGC. Such tests are not parallel: GOGC is the process's.
func serveWithFloor(t *testing.T) (stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if stop, err = server.Serve(http.NotFoundHandler(), server.Config{}, l); err != nil {
		t.Fatal(err)
	}
	return stop
}

// percentBecomes waits until GOGC is what a test wants.
func percentBecomes(t *testing.T, why string, right func(int) bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !right(percentNow()); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: GOGC is %d", why, percentNow())
		}
	}
}

func TestTheFloorFollowsWhatIsAliveAndGoesWithTheServer(t *testing.T) {
	stop := serveWithFloor(t)
	percentBecomes(t, "a server has begun", func(p int) bool { return p > 100 })
	alive := make([]byte, 64<<20)
	runtime.GC()
	percentBecomes(t, "64 MiB are alive", func(p int) bool { return p == 100 })
	runtime.KeepAlive(alive)
	alive = nil
	runtime.GC()
	percentBecomes(t, "they are dead", func(p int) bool { return p > 100 })
	stop()
	percentBecomes(t, "the server has ended", func(p int) bool { return p == 100 })
}

func TestAProgramThatSetsGOGCHasTheLastWord(t *testing.T) {
	defer debug.SetGCPercent(100)
	stop := serveWithFloor(t)
	percentBecomes(t, "a server has begun", func(p int) bool { return p > 100 })
	debug.SetGCPercent(55)
	runtime.GC()
	runtime.GC()
	stop()
	if p := percentNow(); p != 55 {
		t.Errorf("the program has set GOGC to 55, and it is %d", p)
	}
}

func TestGOGCOfTheEnvironmentHolds(t *testing.T) {
	t.Setenv("GOGC", "100")
	defer serveWithFloor(t)()
	if p := percentNow(); p != 100 {
		t.Errorf("GOGC=100 is said in the environment, and it is %d", p)
	}
}
