//go:build race

package simulate

// underRace says that the race detector makes everything ten times slower.
const underRace = true
