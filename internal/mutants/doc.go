// Package mutants holds a list of one-line changes, each of which the tests of some package
// must notice. A change that none notices, a survivor, shows a constant or a comparison that
// nothing guards. `make mutants` tries all of them; `go test` only checks that the list still
// fits the code.
package mutants
