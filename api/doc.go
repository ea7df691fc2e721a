// Package api is the edge that speaks HTTP, and the only one: routes, scopes,
// problem documents, OpenAPI and metrics of requests.
//
// It knows the vocabulary of bearing and the two small interfaces that
// it calls. It knows no tensor, no model and no database.
package api

//go:generate go test -run ^TestDescription$ -update .
