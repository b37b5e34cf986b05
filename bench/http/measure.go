package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"
)

// connections is how many wrk has open; it asks on all of them as fast as it is answered.
const connections = 64

// A sample is what one server did in one round of a scenario.
type sample struct {
	perSecond float64
	p50, p99  time.Duration
	cpu       time.Duration // the server's, for a request
	memory    int64         // bytes, at the end
	failed    int           // requests without a good answer
	idle      int           // connections that were idle, and still there at the end
}

// figures is the line that files/wrk.lua prints.
type figures struct {
	requests, micros, p50, p99             int64
	connect, read, write, status, timedOut int
}

// measure lets wrk ask one server for some seconds.
func measure(ctx context.Context, p *process, s *scenario, dir string, seconds int) (sample, error) {
	var idle *idlers
	if s.idle > 0 {
		idle = openIdle(p.addr, s.idle)
		defer idle.close()
	}
	before := p.cpu()
	f, err := wrk(ctx, p, s, dir, seconds)
	used := p.cpu() - before
	if err != nil {
		return sample{}, fmt.Errorf("%s, %s: %w", p.name, s.name, err)
	}
	out := sample{
		perSecond: float64(f.requests) / (float64(f.micros) / 1e6),
		p50:       time.Duration(f.p50) * time.Microsecond,
		p99:       time.Duration(f.p99) * time.Microsecond,
		cpu:       used / time.Duration(max(1, f.requests)),
		memory:    p.memory(),
		failed:    f.connect + f.read + f.write + f.status + f.timedOut,
	}
	if idle != nil {
		out.idle = idle.alive()
	}
	return out, nil
}

// wrk runs once.
func wrk(ctx context.Context, p *process, s *scenario, dir string, seconds int) (figures, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds)*time.Second+20*time.Second)
	defer cancel()
	args := []string{"-t1", fmt.Sprintf("-c%d", connections), fmt.Sprintf("-d%ds", seconds), "--timeout", "5s", "-s", filepath.Join(dir, "wrk.lua")}
	if s.closing {
		args = append(args, "-H", "Connection: close")
	}
	if len(s.want) > 1 {
		args = append(args, "-H", "Cookie: "+p.cookie)
	}
	args = append(args, "http://"+p.addr+s.path)
	if s.body != "" {
		args = append(args, "--", s.verb(), "application/json", s.body)
	}
	out, err := exec.CommandContext(ctx, "wrk", args...).CombinedOutput()
	if err != nil {
		return figures{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	return readFigures(out)
}

func readFigures(out []byte) (f figures, err error) {
	_, line, ok := bytes.Cut(out, []byte("\nfigures "))
	if !ok {
		return f, fmt.Errorf("wrk printed no figures: %s", out)
	}
	_, err = fmt.Fscan(bytes.NewReader(line), &f.requests, &f.micros, &f.p50, &f.p99, &f.connect, &f.read, &f.write, &f.status, &f.timedOut)
	if err == nil && f.requests == 0 {
		err = errors.New("no request was answered")
	}
	return f, err
}
