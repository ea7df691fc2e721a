// Package keys keeps the API keys of a service in one file: who may do what. A key is
// shown once, when it is made; the file holds the SHA-256 of its secret, which is 256
// random bits and needs no salt.
//
// The file is replaced as a whole, so a running service, which looks at it every
// second, never sees half of it.
package keys
