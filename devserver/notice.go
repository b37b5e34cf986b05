package devserver

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// A notice tells of changed files. What the system tells is only a hint to look: what has changed is found by comparing two scans, so
// that it is the same whether the system tells or not, however an editor writes its files.
type notice struct {
	files   chan []string
	wake    chan struct{} // polling begins
	told    func(format string, args ...any)
	poll    time.Duration
	settle  time.Duration
	watcher *fsnotify.Watcher // nil while polling

	mu    sync.Mutex // guards tree
	tree  *tree
	known map[string]stamp
	dirs  map[string]bool // that the watcher has
}

// pollAnyway is how often a scan is made where the system tells nothing.
const pollAnyway = time.Second

// maxBurst is for how long changes may go on before they are told of all the same.
const maxBurst = 2 * time.Second

func newNotice(t *tree, poll, settle time.Duration, told func(string, ...any)) *notice {
	n := &notice{files: make(chan []string), wake: make(chan struct{}, 1), told: told, poll: poll, settle: settle, tree: t, dirs: map[string]bool{}}
	t.seen = n.watch
	if poll <= 0 {
		w, err := fsnotify.NewWatcher()
		if err != nil {
			n.fallBack(err)
		}
		n.watcher = w
	}
	n.known = t.scan()
	return n
}

// fallBack goes over to polling: there are too many folders for the system, or it tells nothing of this kind of file system.
func (n *notice) fallBack(err error) {
	n.told(" * The system does not tell of changes (%v): looking every %s", err, pollAnyway)
	n.poll = pollAnyway
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// watch has the watcher look at a folder. The caller holds mu, or is alone.
func (n *notice) watch(dir string) {
	if n.watcher == nil || n.dirs[dir] || n.poll > 0 {
		return
	}
	if err := n.watcher.Add(dir); err != nil {
		n.fallBack(err)
		return
	}
	n.dirs[dir] = true
}

// extend changes what is looked at. Files that come into view by it have not changed.
func (n *notice) extend(change func(*tree)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	before := n.tree.scan()
	change(n.tree)
	for name, s := range n.tree.scan() {
		if _, ok := before[name]; !ok {
			n.known[name] = s
		}
	}
}

// need is the greatest need of the files.
func (n *notice) need(files []string) need {
	n.mu.Lock()
	defer n.mu.Unlock()
	most := needNothing
	for _, name := range files {
		most = max(most, n.tree.need(name))
	}
	return most
}

// run sends changed files until ctx ends.
func (n *notice) run(ctx context.Context) {
	if n.watcher != nil {
		defer n.watcher.Close()
	}
	for n.hint(ctx) {
		n.calm(ctx)
		if files := n.look(); len(files) > 0 {
			select {
			case n.files <- files:
			case <-ctx.Done():
			}
		}
	}
}

// hint waits until it is worth looking; false when ctx has ended.
func (n *notice) hint(ctx context.Context) bool {
	if poll := n.polling(); poll > 0 {
		select {
		case <-time.After(poll):
			return true
		case <-ctx.Done():
			return false
		}
	}
	select {
	case e := <-n.watcher.Events:
		n.forget(e)
		return true
	case <-n.watcher.Errors: // events were lost: look
		return true
	case <-n.wake:
		return true
	case <-ctx.Done():
		return false
	}
}

// polling is the interval, 0 while the system tells.
func (n *notice) polling() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.poll
}

// forget lets a folder that is gone be watched anew when it comes back.
func (n *notice) forget(e fsnotify.Event) {
	if e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) {
		n.mu.Lock()
		delete(n.dirs, e.Name)
		n.mu.Unlock()
	}
}

// calm waits until nothing has changed for a while.
func (n *notice) calm(ctx context.Context) {
	end := time.After(maxBurst)
	if n.polling() > 0 {
		return
	}
	for {
		select {
		case e := <-n.watcher.Events:
			n.forget(e)
		case <-n.watcher.Errors:
		case <-time.After(n.settle):
			return
		case <-end:
			return
		case <-ctx.Done():
			return
		}
	}
}

// look scans and compares. While polling, it goes on until two scans in a row are alike.
func (n *notice) look() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.tree.scan()
	for end := time.Now().Add(maxBurst); n.poll > 0 && len(changed(n.known, now)) > 0 && time.Now().Before(end); {
		time.Sleep(n.settle)
		again := n.tree.scan()
		calm := len(changed(now, again)) == 0
		if now = again; calm {
			break
		}
	}
	files := changed(n.known, now)
	n.known = now
	return files
}

// newer says whether a file that the compiler reads is newer than the program.
func (n *notice) newer(binary string) bool {
	info, err := os.Stat(binary)
	if err != nil {
		return true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for name, s := range n.known {
		if s.modified > info.ModTime().UnixNano() && n.tree.need(name) == needBuild {
			return true
		}
	}
	return false
}
