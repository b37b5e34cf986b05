package devserver

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"math/big"
	"os"
	"strings"
	"sync"
)

// handoverVariable is what a parent tells the program in its environment: a handover as JSON.
const handoverVariable = "CARAFE_DEV"

// A handover is what a child is given when it starts.
type handover struct {
	Socket, Life, Ready int    // descriptors: the listening socket, a pipe to read messages from, one to say ready on
	Generation          int    // counts the programs of a parent
	First               bool   // none has served yet
	PIN                 string // of the debugger, the same for all
	Secret              string // proves that a request comes from a program of the same parent
	Editor              string
	Cert, Key           string // PEM; "" for plain HTTP
	Color               bool   // the parent writes to a terminal
	Scratch             string // the parent's folder of programs, to be removed if it cannot
}

// A message goes from the parent to a child, one a line. The pipe's end means that the parent is gone.
type message struct {
	Problem *Problem `json:",omitempty"` // what to show; with Clear nothing any more
	Clear   bool     `json:",omitempty"`
	Drain   bool     `json:",omitempty"` // there is a newer program: finish
	Stop    bool     `json:",omitempty"` // finish, for good
}

// A mailbox writes messages to a child without ever waiting for it.
type mailbox struct {
	messages chan message
	close    sync.Once
}

func newMailbox(w io.WriteCloser) *mailbox {
	m := &mailbox{messages: make(chan message, 64)}
	go func() {
		defer w.Close()
		enc := json.NewEncoder(w)
		for msg := range m.messages {
			if enc.Encode(msg) != nil {
				return
			}
		}
	}()
	return m
}

// send drops the message if the child has not read for a long time: it is stuck, and will be killed.
func (m *mailbox) send(msg message) {
	select {
	case m.messages <- msg:
	default:
	}
}

// end closes the pipe after what is on its way.
func (m *mailbox) end() { m.close.Do(func() { close(m.messages) }) }

// A tail keeps the end of what is written to it, and passes it on.
type tail struct {
	mu   sync.Mutex
	kept []byte
	next io.Writer
}

// maxTail is how much of a program's output is shown.
const maxTail = 64 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	t.kept = append(t.kept, p...)
	if extra := len(t.kept) - maxTail; extra > 0 {
		t.kept = append(t.kept[:0], t.kept[extra:]...)
	}
	t.mu.Unlock()
	_, _ = t.next.Write(p) // a terminal that is gone must not stop the program
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ToValidUTF8(string(t.kept), "\uFFFD")
}

// randomText is n characters that cannot be guessed.
func randomText(n int, alphabet string) string {
	text := make([]byte, n)
	for i := range text {
		at, _ := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet)))) // never fails
		text[i] = alphabet[at.Int64()]
	}
	return string(text)
}

// isTerminal says whether a file is one.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && info.Mode()&os.ModeDevice != 0 && f.Name() != os.DevNull
}
