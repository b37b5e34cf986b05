package carafe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A FileStore keeps each session in a file of a folder of its own: they outlive the process, and are shared by the processes
// of one machine. It is safe for concurrent use. Only this user can read the files.
//
// A process that is killed leaves no half-written session: files are replaced in one step. What has expired is removed on the way,
// after every thousandth update, or by [FileStore.Sweep].
type FileStore struct {
	Dir string // made if it is not there
	// Clock tells when data has expired. nil means time.Now.
	Clock func() time.Time

	once    sync.Once
	err     error // why the folder cannot be used
	locks   [fileLocks]sync.Mutex
	updates atomic.Uint64
}

// fileLocks is how many updates may run at once; those of one session never do.
const fileLocks = 64

// sweepEvery is after how many updates expired files are removed.
const sweepEvery = 1000

// leftover is how old a temporary file is that a killed process has left.
const leftover = time.Hour

func (f *FileStore) ready() error {
	f.once.Do(func() {
		if f.Dir == "" {
			f.err = errors.New("carafe: FileStore.Dir is empty: give a folder")
			return
		}
		f.err = os.MkdirAll(f.Dir, 0o700)
	})
	return f.err
}

func (f *FileStore) now() time.Time {
	if f.Clock != nil {
		return f.Clock()
	}
	return time.Now()
}

func (f *FileStore) path(key string) (string, error) {
	if err := f.ready(); err != nil {
		return "", err
	}
	if err := checkStoreKey(key); err != nil {
		return "", err
	}
	return filepath.Join(f.Dir, key), nil
}

// Load implements [SessionStore].
func (f *FileStore) Load(_ context.Context, key string) ([]byte, error) {
	path, err := f.path(key)
	if err != nil {
		return nil, err
	}
	return f.read(path)
}

// read is the file's data, nil if there is none or it has expired, which its time of modification tells.
func (f *FileStore) read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !f.now().Before(info.ModTime()) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// Update implements [SessionStore].
func (f *FileStore) Update(_ context.Context, key string, expires time.Time, change func([]byte) ([]byte, error)) error {
	path, err := f.path(key)
	if err != nil {
		return err
	}
	if f.updates.Add(1)%sweepEvery == 0 {
		defer func() { _ = f.Sweep() }() // which is tried again
	}
	return f.locked(key, func() error {
		old, err := f.read(path)
		if err != nil {
			return err
		}
		data, err := change(old)
		if err != nil || data == nil {
			return err
		}
		return f.replace(path, data, expires)
	})
}

// replace writes the file in one step.
func (f *FileStore) replace(path string, data []byte, expires time.Time) (err error) {
	temporary, err := os.CreateTemp(f.Dir, temporaryPrefix+"*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temporary.Name())
		}
	}()
	_, err = temporary.Write(data)
	if err = errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	if err = os.Chtimes(temporary.Name(), expires, expires); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}

const (
	temporaryPrefix = "new-"
	lockPrefix      = "lock-"
)

// Delete implements [SessionStore].
func (f *FileStore) Delete(_ context.Context, key string) error {
	path, err := f.path(key)
	if err != nil {
		return err
	}
	return f.locked(key, func() error { return removeFile(path) })
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// locked runs work while nobody else, in this process or another, works on the key or its neighbours.
func (f *FileStore) locked(key string, work func() error) (err error) {
	n := int(key[0])*31 + int(key[1])
	n %= fileLocks
	f.locks[n].Lock()
	defer f.locks[n].Unlock()
	lock, err := os.OpenFile(filepath.Join(f.Dir, fmt.Sprintf("%s%d", lockPrefix, n)), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }() // which unlocks it
	if err := lockFile(lock); err != nil {
		return err
	}
	return work()
}

// Sweep removes the files that have expired, and those that a killed process was about to write.
func (f *FileStore) Sweep() error {
	if err := f.ready(); err != nil {
		return err
	}
	entries, err := os.ReadDir(f.Dir)
	if err != nil {
		return err
	}
	var failed []error
	for _, e := range entries {
		failed = append(failed, f.sweep(e))
	}
	return errors.Join(failed...)
}

func (f *FileStore) sweep(e fs.DirEntry) error {
	path := filepath.Join(f.Dir, e.Name())
	info, err := e.Info()
	if err != nil {
		return nil // it is gone already
	}
	if strings.HasPrefix(e.Name(), temporaryPrefix) {
		if time.Since(info.ModTime()) > leftover { // by the machine's clock, which has set it
			return removeFile(path)
		}
		return nil
	}
	if checkStoreKey(e.Name()) != nil || f.now().Before(info.ModTime()) {
		return nil
	}
	return f.locked(e.Name(), func() error {
		if data, err := f.read(path); err != nil || data != nil { // it was stored anew
			return err
		}
		return removeFile(path)
	})
}
