package server

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// IDs of events that are no worker's.
const (
	upgradeID = 0  // the new master
	parentID  = -1 // the old one
	buildID   = -2 // the end of Config.Build
)

// settle is how long a new master must live after it has said ready before the old one believes it.
const settle = time.Second

// An upgrade is a new master coming up from the binary on disk, with workers of its own, on the same sockets.
//
// It has as many workers as its own configuration says: what TTIN, TTOU and "scale" have changed is not handed on, neither here nor
// there.
//
// Source: Gunicorn's Arbiter.reexec. Unlike Gunicorn, the old master drains by itself when the new one serves.
type upgrade struct {
	child    child
	program  *program
	deadline time.Time
	ready    time.Time
}

// beginUpgrade starts a new master. The error, which is in the log too, says why there is none.
func (m *master) beginUpgrade() error {
	why := ""
	switch {
	case m.stop != nil:
		return errors.New("no upgrade now: the server is " + m.state())
	case m.upgrade != nil, m.reload != nil:
		why = "no upgrade while a reload or an upgrade is under way"
	case m.parent != nil:
		why = "no upgrade before the old master of the last one has gone"
	}
	if why != "" {
		m.log.Warn(why)
		return errors.New(why)
	}
	m.log.Info("upgrade")
	if m.scaled != 0 {
		m.log.Warn("TTIN and TTOU do not hold beyond an upgrade", "workers", m.target, "configured", m.cfg.Workers)
	}
	err := m.launchUpgrade()
	if err != nil {
		m.log.Error("upgrade failed, this master goes on", "why", err)
		return fmt.Errorf("upgrade failed, this master goes on: %w", err)
	}
	return nil
}

func (m *master) launchUpgrade() error {
	p, err := m.sys.openProgram()
	if err != nil {
		return err
	}
	c, err := m.sys.launch(spec{id: upgradeID, role: roleMaster, program: p, sockets: m.sockets, config: m.cfg, control: m.doors.controlPath(), before: m.user.Hooks.PreExec}, m.emit)
	if err != nil {
		p.close()
		return err
	}
	m.upgrade = &upgrade{child: c, program: p, deadline: time.Now().Add(m.cfg.UpgradeTimeout)}
	return nil
}

func (m *master) upgradeHappened(e event) {
	u := m.upgrade
	if u == nil {
		return
	}
	switch {
	case e.exit != nil && m.stop == nil:
		m.upgrade = nil
		u.program.close()
		m.pidfile.removeSecond(u.child.PID())
		m.log.Error("upgrade failed, this master goes on", "why", fmt.Sprintf("the new master ended: %s", e.exit), "said", e.exit.last)
	case e.msg.Type == msgReady:
		u.ready = time.Now()
		m.log.Info("new master serves", "pid", u.child.PID())
	}
}

// checkUpgrade hands over when the new master has served for a moment, and kills one that never does.
func (m *master) checkUpgrade(now time.Time) {
	u := m.upgrade
	switch {
	case u == nil || m.stop != nil:
	case u.ready.IsZero() && now.After(u.deadline):
		u.deadline = now.Add(time.Hour)
		m.log.Error("new master does not come up", "pid", u.child.PID(), "timeout", m.cfg.UpgradeTimeout)
		u.child.Signal(syscall.SIGKILL)
	case !u.ready.IsZero() && now.Sub(u.ready) >= settle:
		succeeded := m.pidfile.succeeded(u.child.PID()) // before it may rename its file
		if u.child.Send(message{Type: msgPromote}) != nil {
			u.ready = now // it is dead, which comes as an event, or does not listen: nothing is handed to such a one
			return
		}
		if succeeded {
			m.pidfile.leave()
		}
		m.sys.notify(fmt.Sprintf("MAINPID=%d", u.child.PID()))
		m.beginStop(stageHanded, "the new master serves")
	}
}

// controlAgain is how long after a failure the new master tries the control socket again.
const controlAgain = 500 * time.Millisecond

// takeControl opens the control socket that was the old master's, and tries until it has it: nobody could ask a server
// anything that gave up.
func (m *master) takeControl(now time.Time) {
	failed := !m.controlAt.IsZero()
	if failed && now.Before(m.controlAt) {
		return
	}
	m.controlAt = time.Time{}
	err := m.openControl(context.Background(), 0)
	switch {
	case err != nil:
		if m.controlAt = now.Add(controlAgain); !failed {
			m.log.Error("no control socket, it is tried again", "err", err)
		}
	case failed:
		m.log.Info("the control socket is open")
	}
}

// promote is the new master's side: the old one has handed over, or has died.
func (m *master) promote(e event) {
	if m.parent == nil {
		return
	}
	m.owner = true
	m.takeControl(time.Now())
	if e.gone {
		m.log.Info("the old master has gone")
		m.parent = nil
	}
	if err := m.pidfile.promote(); err != nil {
		m.log.Error("pidfile", "err", err)
	}
	m.sys.notify(fmt.Sprintf("MAINPID=%d\nREADY=1", processID()))
}
