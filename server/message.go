package server

import (
	"bufio"
	"encoding/json"
	"net"
	"sync"
	"time"
)

// What master and worker say to each other over their socket pair, one JSON object a line.
const (
	msgHello   = "hello"   // worker: here is the configuration that this binary comes to (answer to a role of scout)
	msgConfig  = "config"  // master: serve with this
	msgReady   = "ready"   // worker or new master: I serve
	msgFailed  = "failed"  // worker: I cannot serve; Text says why
	msgBeat    = "beat"    // worker: I live; Beat says how
	msgLeaving = "leaving" // worker: somebody has sent me TERM; I wait for your word
	msgDeaf    = "deaf"    // worker: I accept no more, and end what I have
	msgDrain   = "drain"   // master: leave, in Grace; Empty the accept queues first if nobody else will
	msgQuick   = "quick"   // master: leave now
	msgReopen  = "reopen"  // master: open the log files again
	msgAsk     = "ask"     // master: what are you doing (Text: "requests", or "stack <number>")
	msgAnswer  = "answer"  // worker: Text, for the asker with this ID
	msgLame    = "lame"    // master: answer 503 at ReadyPath from now on
	msgPromote = "promote" // old master to the new: the pidfile is yours
)

// A message is one of them; which fields are set is said above.
type message struct {
	Type   string            `json:"type"`
	Config map[string]string `json:"config,omitempty"`
	Worker int               `json:"worker,omitempty"`
	Beat   *beat             `json:"beat,omitempty"`
	Limit  int64             `json:"limit,omitempty"` // requests after which the worker tells at once; 0 is never
	Lame   bool              `json:"lame,omitempty"`  // config: answer 503 at ReadyPath from the beginning
	Grace  time.Duration     `json:"grace,omitempty"`
	Empty  bool              `json:"empty,omitempty"`
	Final  bool              `json:"final,omitempty"` // drain: the sockets end with the workers
	Text   string            `json:"text,omitempty"`
	ID     int               `json:"id,omitempty"`
	Mute   bool              `json:"-"` // ready: told in systemd's way, not by the wire
}

// A beat is what a worker tells of itself each time.
type beat struct {
	Requests  int64         `json:"requests"`  // answered since it started
	Busy      int           `json:"busy"`      // in flight
	Conns     int           `json:"conns"`     // open
	Stuck     int           `json:"stuck"`     // running on after RequestTimeout
	Oldest    time.Duration `json:"oldest"`    // age of the oldest in flight
	Memory    int64         `json:"memory"`    // resident bytes, 0 if unknown
	Backlog   int           `json:"backlog"`   // longest accept queue
	Statuses  [6]int64      `json:"statuses"`  // answers by hundred, [0] all others
	Durations histogram     `json:"durations"` // of requests
}

// histogram counts durations by the bounds of durationBounds, the last one for what is longer; Sum is in seconds.
type histogram struct {
	Counts [len(durationBounds) + 1]int64 `json:"counts"`
	Sum    float64                        `json:"sum"`
}

var durationBounds = [...]time.Duration{
	time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second,
}

func (h *histogram) add(d time.Duration) {
	i := 0
	for i < len(durationBounds) && d > durationBounds[i] {
		i++
	}
	h.Counts[i]++
	h.Sum += d.Seconds()
}

// A wire sends and receives messages. Sending is safe for concurrent use and gives up after a second: a frozen peer must
// not hold the master.
type wire struct {
	conn net.Conn
	mu   sync.Mutex
	in   *bufio.Reader
}

func newWire(c net.Conn) *wire { return &wire{conn: c, in: bufio.NewReader(c)} }

func (w *wire) send(m message) error {
	line, err := json.Marshal(m)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn.SetWriteDeadline(time.Now().Add(time.Second))
	_, err = w.conn.Write(append(line, '\n'))
	return err
}

// receive waits for the next message. Any error means that the peer has gone.
func (w *wire) receive() (message, error) {
	var m message
	line, err := w.in.ReadBytes('\n')
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(line, &m)
}
