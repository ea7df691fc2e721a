// Package prune makes networks smaller. Selection (which channels matter) is
// one thing per method; surgery (Remove) is shared and returns an ordinary
// network of a narrower spec that knows nothing of pruning.
package prune
