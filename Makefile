# The few commands that one uses; .ci/run is what has to hold.
.PHONY: test race lint fuzz faults soak load gosec bench ci conformance

TARGET ?= FuzzBind
PACKAGE ?= .
FUZZTIME ?= 30s

test:
	go test ./...

race:
	go test -race ./...

lint:
	go vet ./...
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	go run honnef.co/go/tools/cmd/staticcheck@v0.7.0 ./...

# make fuzz TARGET=FuzzPath PACKAGE=./routing FUZZTIME=1m
fuzz:
	go test -run '^$$' -fuzz '^$(TARGET)$$' -fuzztime $(FUZZTIME) $(PACKAGE)

# Every fault scenario once; soak has 20 rounds of those that must lose nothing
faults:
	CARAFE_FAULTS=1 go test -count=1 -timeout 10m ./server

soak:
	CARAFE_SOAK=1 go test -count=1 -timeout 90m ./server

# Every kind of load at once, and what is left of it: make load FOR=2h
FOR ?= 2m
load:
	go -C bench/soak run . -for $(FOR)

bench:
	go -C bench run . -rounds 5

# docs/conformance.md from testdata/conformance
conformance:
	go test -run Conformance -update-conformance .

# Minutes; not a part of ci
gosec:
	.ci/gosec

ci:
	.ci/run
