package server

import (
	"slices"
	"time"
)

// A stop goes through these stages, and only forward.
const (
	stageLame   = iota // ReadyPath says 503, everything else goes on for DrainDelay
	stageDrain         // workers empty the queue and finish
	stageHanded        // workers finish; the queue belongs to a new master
	stageQuick         // workers leave at once
	stageKill
)

type stop struct {
	stage    int
	handed   bool // a new master serves on the same sockets
	deadline time.Time
}

// quickTime is how long a quick stop may take before workers are killed.
const quickTime = 800 * time.Millisecond

// beginStop stops, or stops faster: TERM drains, INT is quick; the second signal of a stop makes it quick, the third kills.
func (m *master) beginStop(stage int, why string) {
	if m.stop == nil {
		m.log.Info("stop", "why", why)
		m.abandonReload(why)
		if stage != stageHanded {
			m.sys.notify("STOPPING=1\nSTATUS=stopping")
			m.cancelUpgrade()
		}
		m.stop = &stop{stage: stageLame - 1}
		m.enter(stage)
		return
	}
	if m.stop.stage < stageQuick {
		m.log.Info("stop quickly", "why", why)
		m.enter(stageQuick)
		return
	}
	m.log.Warn("kill", "why", why)
	m.enter(stageKill)
}

// cancelUpgrade ends a new master that has not taken over: a server that is told to stop does not live on as another.
func (m *master) cancelUpgrade() {
	if m.upgrade != nil {
		m.upgrade.child.Signal(terminate)
	}
}

// lame reports whether the server waits for load balancers to look away, and serves as ever meanwhile. One that has never served
// has nothing to go on with.
func (m *master) lame() bool { return m.stop != nil && m.stop.stage == stageLame && m.ever }

// deserted reports whether nobody of this server will accept any more: a stop is past its delay, in which whoever leaves has a successor.
func (m *master) deserted() bool { return m.stop != nil && m.stop.stage > stageLame }

func (m *master) enter(stage int) {
	m.stop.stage = stage
	m.stop.deadline = time.Now().Add(quickTime)
	switch stage {
	case stageLame:
		m.stop.deadline = time.Now().Add(m.cfg.DrainDelay)
		m.tell(message{Type: msgLame})
	case stageDrain, stageHanded:
		m.stop.handed = stage == stageHanded
		m.stop.deadline = time.Now().Add(m.cfg.GracefulTimeout + killAfter)
		m.letNobodyIn()
		m.giveUp(m.sockets)
		for _, w := range m.workers {
			m.dismiss(w, "stop")
		}
	case stageQuick:
		m.giveUp(m.sockets)
		for _, w := range m.workers {
			m.hurry(w)
		}
	case stageKill:
		for _, w := range m.workers {
			m.kill(w)
		}
	}
}

// giveUp closes the master's end of sockets.
func (m *master) giveUp(list []*socket) {
	last := m.owner && (m.stop == nil || !m.stop.handed)
	for _, s := range list {
		s.close(last)
	}
}

// final reports whether sockets end with the workers that leave now: no other master serves on them, now or soon, and nobody holds
// them for a server to come. Then a worker has the kernel let nobody in before its last look at the queue: what came after that would
// be reset.
func (m *master) final() bool {
	return m.deserted() && !m.stop.handed && m.owner && m.upgrade == nil && !slices.ContainsFunc(m.sockets, func(s *socket) bool { return s.foreign })
}

// letNobodyIn does for workers that are any program what ours do by themselves, just before they close a socket.
func (m *master) letNobodyIn() {
	for _, w := range m.workers {
		if w.mute && m.final() {
			for _, s := range m.sockets {
				takeNoMore(s.listener)
			}
			return
		}
	}
}

// hurry makes a worker leave at once.
func (m *master) hurry(w *worker) {
	w.expected = true
	if w.state == booting {
		m.kill(w)
	}
	w.state = leaving
	w.deadline = m.stop.deadline
	w.child.Send(message{Type: msgQuick})
}

func (m *master) tell(msg message) {
	for _, w := range m.workers {
		w.child.Send(msg)
	}
}

func (m *master) checkStop(now time.Time) {
	switch {
	case m.stop.stage == stageLame && !now.Before(m.stop.deadline):
		m.enter(stageDrain)
	case m.stop.stage == stageQuick && now.After(m.stop.deadline):
		m.enter(stageKill)
	}
}
