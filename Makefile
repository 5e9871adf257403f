# claimgate. `make help` lists what there is. Needs Go; Python only fetches a
# real Envoy and Node only runs a real OpenID provider: where they cannot be had
# everything else still runs and says so.

GO        ?= go
ARGS      ?=
FUZZTIME  ?= 10s
BENCHTIME ?= 1s
BUILD     := .build
LINT      := $(BUILD)/bin/golangci-lint

BUILD_CLAIMGATE = CGO_ENABLED=0 $(GO) build -trimpath -ldflags=-buildid= -o $(BUILD)/bin/claimgate ./cmd/claimgate

# The race detector needs cgo and a C compiler; without them the tests run
# without it and say so.
RACE := $(shell command -v "$$($(GO) env CC)" >/dev/null 2>&1 && [ "$$($(GO) env CGO_ENABLED)" = 1 ] && echo -race)

# Modules inside this one: what only their tests need is no dependency of
# claimgate.
MODULES = $(patsubst %/go.mod,%,$(filter-out .ci/tools/%,$(shell git ls-files '*/go.mod')))

.PHONY: help demo test test-codec test-modules lint bench authzbench bench-report fuzz build check-examples schema licences clean envoy promtool reproducible vulncheck

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Not `go run`: it turns Ctrl-C, the demo's normal end, into a failure.
demo: envoy ## Real Envoy, real requests, a table of verdicts (ARGS=--once ends by itself)
	@$(BUILD_CLAIMGATE)
	@exec $(BUILD)/bin/claimgate demo $(ARGS)

test: envoy ## All tests, with the race detector where a C compiler is at hand
	@$(if $(RACE),,echo "make test: no C compiler or no cgo: THE RACE DETECTOR IS OFF" >&2)
	$(GO) test $(RACE) -timeout 20m ./...
	@sh .ci/install-envoy.sh --remind

# Without the race detector, which sees nothing here that it did not see in
# `make test`. What asks both codecs by itself is left out.
test-codec: envoy ## The suites that run claimgates of their own, with `codec: generated`
	CLAIMGATE_TEST_CODEC=generated $(GO) test -timeout 20m ./cmd/claimgate/internal/e2e ./cmd/claimgate/internal/isolation \
		-run '^Test(Case|Compose|Examples$$|P6Nobody|P7Catalogue|P8)'

# -count=1: they read files of this module, by which the go command does not
# tell whether a result that it kept still holds.
test-modules: envoy ## Tests of the modules inside: real OpenID providers, manifests, authzbench
	@set -e; for module in $(MODULES); do (set -x; cd $$module && $(GO) test $(RACE) -count=1 -timeout 20m ./...); done

lint: $(LINT) ## gofmt, go vet, golangci-lint
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "gofmt -w these files:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(LINT) run ./...
	@set -e; for module in $(MODULES); do (set -x; cd $$module && $(GO) vet ./... && $(CURDIR)/$(LINT) run ./...); done

# The servers first: their figures count on a machine that was idle before.
bench: ## authzbench's acceptance, 15 minutes, then Go benchmarks (ARGS='-scenario smoke' BENCHTIME=1x: in a minute)
	@$(MAKE) --no-print-directory authzbench ARGS="$(or $(ARGS),-scenario acceptance)"
	$(GO) test -run '^$$' -bench . -benchtime $(BENCHTIME) ./...

authzbench: ## claimgate next to servers that do less, or the same otherwise (ARGS='-rounds 3 -json FILE')
	@$(BUILD_CLAIMGATE)
	@cd cmd/authzbench && CGO_ENABLED=0 $(GO) build -trimpath -o $(CURDIR)/$(BUILD)/bin/authzbench .
	@exec $(BUILD)/bin/authzbench -claimgate $(BUILD)/bin/claimgate $(ARGS)

bench-report: ## The acceptance once more, into cmd/authzbench/report
	@$(MAKE) --no-print-directory authzbench ARGS="-scenario acceptance -report cmd/authzbench/report $(ARGS)"

fuzz: ## Every fuzz target for a while (FUZZTIME=10s each, FUZZPARALLEL=1 FUZZONLY=pattern; .build/fuzz.tsv)
	@FUZZTIME=$(FUZZTIME) bash .ci/fuzz.sh

build: ## A static binary in .build/bin
	$(BUILD_CLAIMGATE)

check-examples: build ## Validate every example's configuration
	@set -e; for file in examples/*/claimgate.yaml; do $(BUILD)/bin/claimgate check "$$file"; done

schema: ## Write the generated JSON Schema again
	$(GO) test ./cmd/claimgate/internal/config -run 'TestSchema' -update

envoy: ## Fetch the pinned Envoy into .build (says so where it cannot be had)
	@sh .ci/install-envoy.sh

reproducible: ## Build the same source in two places and compare the bytes
	@sh .ci/reproducible.sh

vulncheck: ## Known vulnerabilities in what claimgate calls (says so where the database cannot be had)
	@sh .ci/vulncheck.sh

promtool: ## Fetch promtool into .build, which tests the alert rules (says so where it cannot be had)
	@sh .ci/install-promtool.sh

licences: ## Write the list and the texts of the licences of what is linked again
	$(GO) test ./cmd/claimgate -run 'TestLicences' -update

clean: ## Remove what was built and fetched
	rm -rf $(BUILD)

$(LINT): .ci/tools/go.mod .ci/tools/go.sum
	cd .ci/tools && GOBIN=$(CURDIR)/$(BUILD)/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@
