// Package server is a pre-fork server for any [net/http.Handler]: Gunicorn's job in one Go binary.
//
// # The invariant
//
// A request that a client has sent on a connection the kernel has accepted is answered, whatever the operator does:
// reload, scale, upgrade, recycle, stop. Only a process that is killed may lose requests, and only those that it alone
// was holding. Everything below serves that sentence:
//
//   - The master owns the listening sockets and never touches a client's. All workers share one descriptor for each
//     address, so a worker that leaves takes no queue of connections with it.
//   - Nobody leaves before somebody else has said "ready": the new workers of a reload, the successor of a worker
//     that is recycled, the new master of an upgrade.
//   - Whoever leaves first stops accepting, then answers each connection's next request with "Connection: close", and
//     only then closes what is idle.
//   - Whatever fails while something new comes up, the old goes on as it was.
//
// A connection that a handler has hijacked, as for a websocket, is no request any more. A worker that leaves waits for it
// to be closed, as for a request in flight, and cuts it when GracefulTimeout has passed; a quick stop cuts it at once.
//
// # Processes
//
// [Run] in the first process makes it the master. The master starts the same binary again for each worker; the worker's
// own main runs until it calls Run, which then serves. A socket pair between the two carries readiness, heartbeats and
// orders, and its end of file tells each that the other has gone. With [Config.Workers] zero there is one process: the
// same master loop, with the worker inside.
//
// # Programs that are not this one
//
// [RunCommand], and the setting command, make each worker any program: one that calls Run itself is a worker like any other,
// a Carafe app whose main ends in App.Run, or a program in another language, takes its sockets as systemd passes them. It
// says there what holds for such a worker.
//
// # Signals
//
//	TERM        stop: finish what is in flight, at most GracefulTimeout. A second one, or INT: quick; a third: kill
//	INT, QUIT   stop quickly
//	HUP         reload: the binary on disk and the configuration, checked first, old workers kept until new are ready
//	USR1        open the log files again
//	USR2        upgrade: a new master from the binary on disk; this one drains when that one is ready
//	TTIN, TTOU  one worker more, one less; it holds over HUP, unless that changes the setting, but not over USR2
//	WINCH       drain all workers, keep the master; HUP or TTIN brings them back (not when stdin is a terminal)
//
// A worker that is sent TERM is replaced, and drains when its successor serves; a second one makes it drain at once. So TERM may also be
// sent to master and workers at once, as service managers do. ABRT makes it dump its goroutines and die; it leaves all other
// signals to the master.
//
// # Reading the source
//
// config.go and settings.go say what can be set. server.go decides which part this process plays. master.go is the loop;
// fleet.go starts, drains and replaces workers; reload.go, upgrade.go and stop.go are its three longer stories; system.go
// and launch_unix.go are all that they ask of the operating system. command.go and anybody_unix.go are for workers that are
// another program. inherit_unix.go and worker.go are the other side; accept.go takes connections in, guard.go, head.go and chunks.go read them strictly, and exchange.go is one request and its answer.
//
// Source: Gunicorn's arbiter.py, sock.py, workers/base.py and workers/gthread.py for what is done; the code is new.
package server
