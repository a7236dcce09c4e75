// Package contract holds the published shape of the Genesys Cloud API that
// Foresort stands on: operations, permissions, error codes and models; requests,
// queries and answers go in, the places where they break it come out.
package contract

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed contract.json
var source []byte

// Contract is the parsed contract. It is safe for concurrent use: models are
// compiled when they are first needed, and kept.
type Contract struct {
	operations []*Operation
	byID       map[string]*Operation
	common     map[int][]string
	models     map[string]any
	topics     []string

	mu       sync.Mutex
	requests schemas
	answers  schemas
}

// Operation is one call that the platform offers.
type Operation struct {
	ID          string               `json:"id"` // such as putRoutingQueue
	Method      string               `json:"method"`
	Path        string               `json:"path"` // with its parameters in braces
	Query       map[string]Parameter `json:"query"`
	Request     any                  `json:"request"`  // JSON Schema of the body; nil where it takes none
	Response    any                  `json:"response"` // JSON Schema of the answer; nil where it has no body
	Success     []string             `json:"success"`  // statuses; empty where the source names none
	Permissions Permissions          `json:"permissions"`
	Scopes      []string             `json:"scopes"`
	Errors      map[string][]string  `json:"errors"` // status to the codes that only some operations give

	segments []string
}

// Permissions are what a client needs for an operation.
type Permissions struct {
	Mode  string   `json:"mode"` // any or all; empty where nothing is needed
	Names []string `json:"permissions"`
}

// Missing lists what is lacking when a client has only what has says: nothing
// when the client may; otherwise every permission that would help.
func (p Permissions) Missing(has func(string) bool) []string {
	var missing []string
	for _, name := range p.Names {
		if !has(name) {
			missing = append(missing, name)
		}
	}
	if p.Mode == "any" && len(missing) < len(p.Names) {
		return nil
	}
	return missing
}

// Parameter is one query parameter of an operation.
type Parameter struct {
	Type     string     `json:"type"` // string, integer, number, boolean or array
	Enum     []string   `json:"enum"`
	Items    *Parameter `json:"items"`
	Max      int        `json:"x-max"` // 0: none documented
	Required bool       `json:"x-required"`
	Default  any        `json:"default"`
}

// Load returns the contract, parsed at the first call.
var Load = sync.OnceValue(load)

func load() *Contract {
	var file struct {
		CommonErrors map[string][]string `json:"commonErrors"`
		Operations   []*Operation        `json:"operations"`
		Models       map[string]any      `json:"$defs"`
		Topics       []struct{ Topic string }
	}
	if err := json.Unmarshal(source, &file); err != nil {
		panic(fmt.Sprintf("read the embedded contract: %v", err)) // a build with a broken file; no test would pass
	}
	c := &Contract{operations: file.Operations, byID: map[string]*Operation{}, common: map[int][]string{}, models: file.Models}
	for _, op := range c.operations {
		op.segments = strings.Split(op.Path, "/")
		c.byID[op.ID] = op
	}
	for _, t := range file.Topics {
		c.topics = append(c.topics, t.Topic)
	}
	for status, codes := range file.CommonErrors {
		n, _ := strconv.Atoi(status)
		c.common[n] = codes
	}
	c.requests = schemas{contract: c, request: true, compiled: map[string]*jsonschema.Schema{}}
	c.answers = schemas{contract: c, compiled: map[string]*jsonschema.Schema{}}
	return c
}

// Operations lists all operations in the order of the contract.
func (c *Contract) Operations() []*Operation { return slices.Clone(c.operations) }

// Topics lists the notification topics, with {id} where an id belongs.
func (c *Contract) Topics() []string { return slices.Clone(c.topics) }

// Operation finds an operation by its id.
func (c *Contract) Operation(id string) (*Operation, bool) {
	op, ok := c.byID[id]
	return op, ok
}

// Find finds the operation that answers a method on a concrete path, such as
// GET /api/v2/routing/queues/4f1c, and the values of its path parameters. A
// path without parameters wins over one with.
func (c *Contract) Find(method, path string) (op *Operation, params map[string]string, ok bool) {
	segments := strings.Split(path, "/")
	for _, o := range c.operations {
		if o.Method != method || len(o.segments) != len(segments) {
			continue
		}
		if p, fits := o.match(segments); fits && (op == nil || len(p) < len(params)) {
			op, params = o, p
		}
	}
	return op, params, op != nil
}

func (op *Operation) match(segments []string) (map[string]string, bool) {
	var params map[string]string
	for i, s := range op.segments {
		if name, ok := strings.CutPrefix(s, "{"); ok && segments[i] != "" {
			if params == nil {
				params = map[string]string{}
			}
			params[strings.TrimSuffix(name, "}")] = segments[i]
		} else if s != segments[i] {
			return nil, false
		}
	}
	return params, true
}

// ErrorCodes lists the machine codes that an operation may give with an error
// status: those of every operation and its own.
func (c *Contract) ErrorCodes(op *Operation, status int) []string {
	codes := slices.Concat(c.common[status], op.Errors[strconv.Itoa(status)])
	slices.Sort(codes)
	return slices.Compact(codes)
}

// AllPermissions lists every permission that any operation needs, sorted.
func (c *Contract) AllPermissions() []string {
	all := map[string]bool{}
	for _, op := range c.operations {
		for _, p := range op.Permissions.Names {
			all[p] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}
