# Everything that CI runs, and the long forms that it does not.
GO          ?= go
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 60s
DATA        ?= $(BRINELL_DATA)

.PHONY: check test race purego fmt vet lint arm64 darwin arm64-test bench fuzz fuzz-short garbage mutants rigs generate model accuracy compression build release-snapshot release

check: fmt vet lint test purego race arm64 darwin

test:
	$(GO) test ./...

# The packages in which goroutines meet; training and whole corpora under the race
# detector would take minutes and meet no more of them.
race:
	CGO_ENABLED=1 BRINELL_DATA= $(GO) test -race -timeout 30m ./api/... ./bearing $$($(GO) list ./internal/... | grep -v internal/rig) ./features/... ./models/nn ./models/prune ./dataset

# What computes, on the plain Go kernels: the packages that they are linked into. Of the
# program only what runs in the test itself: what it builds and starts has not the tag.
KERNEL = brinell/internal/kernel
purego:
	$(GO) test -tags purego $(KERNEL) $$($(GO) list -f '{{$$p := .ImportPath}}{{range .Deps}}{{if eq . "$(KERNEL)"}}{{$$p}}{{"\n"}}{{end}}{{end}}' ./... | grep -v -e internal/rig -e cmd/brinell)
	$(GO) test -tags purego ./cmd/brinell -run Scripts

fmt:
	@out=$$(gofmt -l .); test -z "$$out" || { echo "gofmt differs:"; echo "$$out"; exit 1; }

vet:
	$(GO) vet ./...

lint:
	$(GO) run $(STATICCHECK) ./...

arm64:
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 $(GO) build -o /dev/null ./cmd/brinell

# The program on the other systems that a release is built for.
darwin:
	CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 $(GO) vet ./cmd/brinell
	CGO_ENABLED=0 GOOS=darwin GOARCH=amd64 $(GO) build -o /dev/null ./cmd/brinell

# The numeric packages under emulation.
arm64-test:
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 $(GO) test -exec qemu-aarch64-static ./internal/kernel ./bearing ./features/... ./models ./models/nn

# For benchstat: go test -bench before and after a change.
bench:
	$(GO) test -run '^$$' -bench . -benchmem -count 10 ./api ./internal/kernel ./features/... ./models/... ./internal/store ./internal/bench

# Every fuzz target for FUZZTIME; findings land in testdata/fuzz.
fuzz:
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s $$pkg; \
	  done; done

# The whole service for half a minute, or for SERVICETIME: programs of requests, by coverage.
SERVICETIME ?= 30s
fuzz-short:
	$(GO) test -run '^$$' -fuzz '^FuzzService$$' -fuzztime $(SERVICETIME) -fuzzminimizetime 10x -parallel 2 ./cmd/brinell

# What is no machine, ten windows each of 10,000 sensors, and 1,000 windows changed in
# ways that must not matter.
garbage:
	BRINELL_GARBAGE=10000 BRINELL_WINDOWS=1000 $(GO) test ./internal/diagnose -run 'Garbage|Invariance' -v -timeout 1h

# Some three hundred one-line changes, one at a time, each of which the tests of its package must
# notice; survivors are printed, and fail it. MUTANTS is a pattern of those that are tried.
# Half an hour on two cores.
MUTANTS ?= .
mutants:
	BRINELL_MUTANTS='$(MUTANTS)' $(GO) test ./internal/mutants -run 'Mutants$$' -v -timeout 3h

# The long forms of the rigs, as root with strace installed: 10,000 power cuts, 500 kills,
# 200 full disks, 2,000 damaged databases, a hundred rounds of hostile requests, 10,000 slow
# connections, a million names, 1,000 decompression bombs, a sequence of 1,000 windows of all
# sizes in 1 GiB, 60,000 programs
# of requests, 50 times no descriptors, a disk that
# takes no writes and a database that is taken away, and an hour of load. Figures are in docs/guarantees.md.
rigs:
	BRINELL_IMAGES=10000 BRINELL_KILLS=500 BRINELL_FULL=200 BRINELL_DAMAGE=2000 $(GO) test ./internal/rig -run 'PowerCut|Kill|Full|Sync|Damage' -v -timeout 2h
	BRINELL_HOSTILE=100 BRINELL_SLOW=10000 BRINELL_KEYLESS=10000 BRINELL_NAMES=1000000 $(GO) test ./internal/rig -run 'Hostile|Slow|Keyless|Series' -v -timeout 1h
	BRINELL_BOMBS=1000 BRINELL_READONLY=50 BRINELL_CROWDS=50 BRINELL_TAKEN=50 $(GO) test ./internal/rig -run 'Planted|Bombs|ReadOnly|Descriptors|TakenAway' -v -timeout 30m
	BRINELL_CLOCKS=1200 $(GO) test ./internal/diagnose -run 'Clocks$$' -v -timeout 1h
	BRINELL_SEQUENCE=1000 $(GO) test ./internal/rig -run 'Memory$$' -v -timeout 1h
	BRINELL_PROGRAMS=60000 $(GO) test ./cmd/brinell -run 'Programs' -v -timeout 1h
	BRINELL_ROWS=10000000 BRINELL_INGEST=20s $(GO) test ./internal/rig -run 'Query|Ingest' -v -timeout 1h
	BRINELL_OVERLOAD=60s BRINELL_TENANTS=10s BRINELL_SOAK=1h $(GO) test ./internal/rig -run 'Overload|Tenants|Soak' -v -timeout 2h

# Files that a program writes: the assembly, the golden OpenAPI document.
generate:
	$(GO) generate ./...

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X main.version=$$VERSION" -o brinell ./cmd/brinell

# Archives, packages, their lists of contents and checksums into dist/, from the present
# commit; and what is in them is looked at. The first run downloads and builds the tools, twenty
# minutes on two cores; .goreleaser.yaml calls SYFT.
GORELEASER ?= $(GO) run github.com/goreleaser/goreleaser/v2@v2.15.1
SYFT        = github.com/anchore/syft/cmd/syft@v1.57.1
release-snapshot:
	CGO_ENABLED=0 $(GO) run $(SYFT) version
	CGO_ENABLED=0 $(GORELEASER) release --snapshot --clean
	BRINELL_DIST=$(CURDIR)/dist $(GO) test ./cmd/brinell -run 'Dist$$' -count=1 -v

# The same of a tag that is checked out, with its version; git tag v1.2.3 makes one.
release:
	CGO_ENABLED=0 $(GO) run $(SYFT) version
	CGO_ENABLED=0 $(GORELEASER) release --clean --skip=publish,announce
	BRINELL_DIST=$(CURDIR)/dist $(GO) test ./cmd/brinell -run 'Dist$$' -count=1 -v

# The tables and pictures of docs/compression.md, an hour and a half on two cores; what a run that
# was cut off has done is kept in REPORTS/checkpoints. DATA names the CWRU files.
REPORTS ?= reports
compression: build
	for spec in wdcnn-s8 wdcnn-s8x4 wdcnn mlp-spectrum; do \
	  ./brinell slim --method all --spec $$spec --data "$(DATA)" --labels fault+size --seeds 3 --checkpoints $(REPORTS)/checkpoints --report $(REPORTS)/$$spec || exit 1; done
	./brinell slim --method all --spec wdcnn-s8 --split bearing --data "$(DATA)" --checkpoints $(REPORTS)/checkpoints --report $(REPORTS)/bearing

# Choose, train and slim the embedded default model again, six minutes on two cores; DATA
# names the CWRU and MFPT files. The digest goes into models/pretrained/default.md.
CELLS ?= cells
model: build
	./brinell select --data "$(DATA)" --cells $(CELLS) --seeds 3 --out models/pretrained/default.safetensors

# The tables and pictures of docs/accuracy.md; DATA names the files of all corpora.
accuracy: build
	./brinell evaluate --all --data "$(DATA)" --cells $(CELLS) --report docs/accuracy.md
