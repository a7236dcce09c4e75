// Package examples holds example files: strategies for the organisation of
// the sandbox, and a JSON payload to convert.
package examples

import "embed"

// Files are the examples by their names, such as support.yaml.
//
//go:embed *.yaml *.json
var Files embed.FS
