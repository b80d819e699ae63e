# Two commands on a fresh machine with Go: make demo, make test.

GO ?= go

.PHONY: demo test build bench bench-http bench-issue bench-issue-http bench-million faults load soak walk journeys screenshots check clean tools fuzz

demo: build
	./bin/indeks demo

build:
	$(GO) build -trimpath -o bin/indeks ./cmd/indeks

test: tools
	$(GO) test -timeout 20m ./...

# Programs that tests run against ours: zbarimg reads QR codes, rsvg-convert
# renders SVG, those of poppler and qpdf read PDF, curl asks the APIs, strace fails system calls, Chromium opens pages with scripts (as chromium-headless-shell where Debian has that, for less processor time), PostgreSQL is started by tests. Tests that need a missing one are skipped by name.
tools:
	@missing=; for t in zbarimg rsvg-convert pdftotext qpdf curl strace systemd-analyze chromium; do command -v $$t >/dev/null || missing="$$missing $$t"; done; \
	ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$$missing postgresql"; \
	if [ -n "$$missing" ]; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq zbar-tools librsvg2-bin poppler-utils qpdf curl strace systemd chromium postgresql $$(apt-cache show chromium-headless-shell >/dev/null 2>&1 && echo chromium-headless-shell) >/dev/null; \
		else \
			echo "Missing:$$missing. Install zbar-tools, librsvg2-bin, poppler-utils, qpdf, curl, strace, systemd, chromium and postgresql (Debian's names); tests that need them are skipped."; \
		fi; \
	fi

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

# The verifier over HTTP, beside a bare server that checks signatures alone:
# two minutes, both cores, and the reference documents.
bench-http:
	INDEKS_SPEED=1 INDEKS_REQUIRE_SHARED=1 $(GO) test -count=1 -timeout 20m -run '^TestSpeed$$' -v ./cmd/indeks

# A class of 10 000 in both stores, beside what signing and verifying alone would take.
bench-issue: tools
	$(GO) test -run '^$$' -bench '^BenchmarkIssueAll$$' -benchtime 1x -benchmem -timeout 20m ./issuer

# The issuer over HTTP: single credentials for 32 clients, and one client beside a batch.
bench-issue-http:
	INDEKS_SPEED=1 $(GO) test -count=1 -timeout 20m -run '^TestIssueSpeed$$' -v ./cmd/indeks

# Kills the real program 200 times on each store while it issues to 10 000 and 60 times while it sends
# letters, and fails each system call by which it writes records. INDEKS_SEED repeats
# the kills of a run of the first.
faults: tools
	INDEKS_FAULTS=1 $(GO) test -count=1 -timeout 30m -v -run '^(TestKilledWhile(Issuing|Sending)|TestFailingSystemCalls)$$' ./cmd/indeks
	INDEKS_FAULTS=1 $(GO) test -count=1 -v -run '^Test(EveryFault|ApprovalFaults|NameCheckFaults|CorrectionFaults|BulkFaults)$$' ./issuer
	INDEKS_MOULDS=10000 $(GO) test -count=1 -v -run '^TestMouldGivesWhatBuildingGives$$' ./issuer
	INDEKS_REVOKES=10000 $(GO) test -count=1 -timeout 30m -v -run '^TestNoBitIsLost$$' ./issuer
	$(GO) test -count=1 -v -run '^Test(Kill|FailedWrite|FlippedByte|OpenRefuses|SizeLimit|DiskFull)$$' ./store
	INDEKS_FAULTS=1 $(GO) test -count=1 -timeout 30m -v -run '^TestPostgres(Killed|LosesConnection|RevokesAtOnce|NodeStopped)$$' ./store

# The real program under everything at once for MINUTES, killed or told to end each
# minute; in the end everything adds up. Says what it took.
MINUTES ?= 10
soak:
	INDEKS_SOAK=$(MINUTES) $(GO) test -count=1 -timeout 0 -v -run '^TestSoak$$' ./cmd/indeks

# Follows docs/operations.md word for word with a class of ROWS, below a folder of its
# own: set up, upload, kill -9 in the middle, resume, back up, restore where there is
# nothing, archive, verify, change keys, upgrade, leave.
ROWS ?= 10000
walk: tools
	INDEKS_WALK=$(ROWS) $(GO) test -count=1 -timeout 60m -v -run '^TestWalk$$' ./cmd/indeks

# What people do, in a real browser: the journeys that the tests have, then every page
# in every language, on a phone and in a wide window.
journeys: tools
	INDEKS_JOURNEYS=1 $(GO) test -count=1 -timeout 30m -v -run '^TestJourneys$$' ./cmd/indeks

# The pictures of README and docs, anew.
screenshots: tools
	$(GO) test -count=1 -timeout 10m -run '^TestJourneys$$' ./cmd/indeks -args -screenshots

# Presses the real program: slow senders, and the worst files there are, many at
# once. Takes two minutes and opens 2 000 connections.
load:
	ulimit -n 8192 && $(GO) test -tags load -count 1 -v -run 'SlowSenders|Bombs' ./cmd/indeks

# Fills a store with synthetic records below MILLION_DIR, which is emptied again, and
# says what it costs to open, search and check; then a database in memory, which takes
# 4 GB, and what searches cost there. A million with small payloads takes 5 GB;
# MILLION_PAYLOAD=50000 makes them as large as real ones are.
MILLION ?= 1000000
MILLION_PAYLOAD ?= 0
MILLION_DIR ?= /tmp
bench-million:
	$(GO) test -count=1 -timeout 120m -v -run '^Test(Postgres)?Million$$' ./store -args -million $(MILLION) -million-payload $(MILLION_PAYLOAD) -million-dir $(MILLION_DIR)

check:
	@large=$$(git ls-files -z | xargs -0 stat -c '%s %n' | awk '$$1 > 1048576'); if [ -n "$$large" ]; then echo "files over 1 MiB, such as a program that was built:"; echo "$$large"; exit 1; fi
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt -w needed:"; echo "$$unformatted"; exit 1; fi
	$(GO) mod tidy -diff
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	@out=$$($(GO) tool govulncheck ./... 2>&1); code=$$?; \
	if [ $$code = 0 ]; then echo "govulncheck: nothing found"; \
	elif echo "$$out" | grep -q 'fetching vulnerabilities'; then echo "govulncheck: NOT MADE, its database is not reachable from here"; \
	else echo "$$out"; exit $$code; fi

# Each fuzz target of FUZZ for FUZZTIME. Where the time ends in the middle of an input, go
# test sometimes calls that a failure, "context deadline exceeded", with no input that failed.
FUZZTIME ?= 30s
FUZZ ?= ./...
fuzz:
	@log=$$(mktemp); trap 'rm -f $$log' EXIT; for pkg in $$($(GO) list $(FUZZ)); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x $$pkg 2>&1 | tee $$log; \
			grep -q '^ok' $$log || { grep -q 'context deadline exceeded' $$log && ! grep -q 'Failing input' $$log; } || exit 1; \
		done; \
	done

clean:
	rm -rf bin demo
