# What there is beyond "go test ./...". Each target says what it needs.

.PHONY: test race lint docs interop peers bench names fuzz ci

test:            ## all tests; those against real programs are skipped where these are not installed
	go test ./...

race:            ## all tests with the race detector (needs a C compiler)
	go test -race ./...

lint:            ## gofmt, vet, staticcheck, and whether go.mod is tidy
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "not gofmt-ed"; exit 1; }
	go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
	go mod tidy -diff

docs:            ## the pages that are made of the code
	go generate ./check ./internal/config
	go test ./cmd/helogate -run TestCommandPage -update

interop:         ## the real MTAs and DNS servers (make peers); a peer that is missing is a failure. As root.
	HELOGATE_INTEROP=require go test -count=1 -v ./docs ./interop

peers:           ## unpack the MTAs that cannot be installed beside Postfix, below /opt/helogate-peers (Debian)
	@set -e; for p in .ci/peer-*; do bash "$$p"; done

bench:           ## speed and size, in one table (nsd, unbound, policyd-weight, redis-server and postgrey for their rows)
	go run ./bench

CORPUS ?= ../shared/corpus
names:           ## how well names are told apart, on lists that the project does not ship: CORPUS=FOLDER
	go run ./bench/names --corpus "$(CORPUS)"

fuzz:            ## each fuzz target for a minute
	@set -e; for p in $$(go list ./...); do \
	  for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	    go test -run '^$$' -fuzz "^$$f\$$" -fuzztime 1m -fuzzminimizetime 10x $$p; done; done

ci:              ## what is run on every change
	bash .ci/run
