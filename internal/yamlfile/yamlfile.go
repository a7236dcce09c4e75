// Package yamlfile reads files of keys: the text of a YAML file and a Go type
// with tags in; a value with the place of every key, or every mistake with its
// place and a way out, out. It also formats such files, and describes them as
// JSON Schema and as a page for people.
package yamlfile

import (
	"cmp"
	"reflect"

	"github.com/foresort/foresort/routing"
)

// Kind is what one kind of file has of its own.
type Kind struct {
	Name     string // with its article: a strategy file
	MaxBytes int    // the largest file that is read
	TooBig   string // the hint where a file is larger
	Empty    string // the hint where a file is empty
	// Later are keys of the top level that come with a later version, and what
	// they wait for.
	Later map[string]string
	// Null adds to the hint "leave the key out" where a key has no value; may be
	// nil.
	Null func(path string, t reflect.Type) string
	// NotListed gives the hint for a text that is none of those that a key
	// allows; empty or nil: the nearest of them.
	NotListed func(path, text string) string
	// Lenient takes a key without a value as absent.
	Lenient bool
	// Unknown is called for a key that the format does not have; nil: a problem.
	Unknown func(path string)
}

// Texts is a list of texts; a single text stands for a list of one.
type Texts []string

// Spot is where one key of a file stands, and its value.
type Spot struct{ Key, Value routing.Place }

// Places are the places of all keys and list items of a file by their paths,
// such as rules[0].priority.
type Places map[string]Spot

// Key is where a key stands; the zero Place where the file does not have it.
func (p Places) Key(path string) routing.Place {
	at := p[path]
	return cmp.Or(at.Key, at.Value)
}

// Value is where the value of a key starts; the key itself where it has none.
func (p Places) Value(path string) routing.Place {
	at := p[path]
	return cmp.Or(at.Value, at.Key)
}
