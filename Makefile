# Each recipe is one command; what needs logic is Go.
.DEFAULT_GOAL := help
.PHONY: help build check fmt vet lint test race fuzz bench generate golden demo sandbox ci release-dry kills failures resume traces control-kills

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

build: ## build ./foresort
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o foresort ./cmd/foresort

check: fmt vet lint test generate ## what a change must pass
	git diff --exit-code

fmt: ## format the code
	go tool -modfile=tools/go.mod golangci-lint fmt

vet: ## go vet
	go vet ./...

lint: ## golangci-lint, built from tools/go.mod
	go tool -modfile=tools/go.mod golangci-lint run

test: ## all tests
	go test ./...

race: ## the tests under the race detector, without what takes ten times as long there
	bash .ci/run race

FUZZTIME ?= 30s
fuzz: ## every fuzz target for FUZZTIME
	FUZZTIME=$(FUZZTIME) bash .ci/run fuzz

kills: ## kill workers 1,000 times while 20,000 events are delivered, on both databases
	FORESORT_KILLS=1000 FORESORT_KILL_EVENTS=20000 go test ./internal/jobs -run Killed -v -timeout 0

failures: ## 100,000 deliveries to an endpoint that fails 30% of the attempts, on both databases
	FORESORT_FAILURES=100000 go test ./internal/jobs -run NowAndThen -v -timeout 0 -parallel 1

resume: ## how long after a kill its deliveries go on, with the real lease, on both databases
	FORESORT_RESUME=1 go test ./internal/jobs -run Resumed -v -timeout 0

control-kills: ## kill the process that adjusts 1,000 times
	FORESORT_CONTROL_KILLS=1000 go test ./internal/control -run Killed -v -timeout 0

traces: ## a million days of adverse figures through the autopilot
	TRACE_DAYS=1000000 GOGC=400 go test ./autopilot -run NoTrace -v -timeout 0

bench: ## all benchmarks
	go test -run '^$$' -bench . -benchmem ./...

generate: ## schema and documents
	go generate ./...

golden: ## rewrite the golden files and scripts; read the diff
	UPDATE=1 go test ./internal/cli ./plan

demo: ## deploy the example into a sandbox in the process
	go run ./cmd/foresort demo

sandbox: ## a sandbox on 127.0.0.1:8180
	go run ./cmd/foresort sandbox

ci: ## all that CI does
	bash .ci/run

release-dry: ## build the release archives without publishing
	goreleaser release --snapshot --clean
