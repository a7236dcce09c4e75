// Package examples holds example files: strategies for the organisation of
// the sandbox, a scenario to simulate them under, a JSON payload to convert, and
// emails and agents to check its capacity with.
package examples

import "embed"

// Files are the examples by their names, such as support.yaml.
//
//go:embed *.yaml *.json
var Files embed.FS
