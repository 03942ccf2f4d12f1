.PHONY: help build test short ci fuzz generate golden

help: ## print this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

build: ## build ./stablelora
	CGO_ENABLED=0 go build -trimpath -o stablelora ./cmd/stablelora

test: ## every test
	go test ./...

short: ## the tests that take seconds
	go test -short ./...

ci: ## what .ci/run checks
	.ci/run

fuzz: ## every fuzz target for a minute each
	.ci/fuzz 60s

generate: ## remake the assembly kernels
	cd internal/blas && go generate
	cd internal/vec && go generate

golden: ## remake the golden numbers (needs Python with torch, transformers, peft, tokenizers)
	for s in scripts/golden/*.py; do python $$s; done
