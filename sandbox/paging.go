package sandbox

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// listing is a page with totals.
type listing struct {
	Entities    any    `json:"entities"`
	PageSize    int    `json:"pageSize"`
	PageNumber  int    `json:"pageNumber"`
	Total       int    `json:"total"`
	PageCount   int    `json:"pageCount"`
	FirstURI    string `json:"firstUri,omitempty"`
	NextURI     string `json:"nextUri,omitempty"`
	PreviousURI string `json:"previousUri,omitempty"`
	LastURI     string `json:"lastUri,omitempty"`
	SelfURI     string `json:"selfUri,omitempty"`
}

// page answers with one page of all, with totals. See docs/platform-notes.md#paging.
func page[T any](c *call, all []T) (int, any, error) {
	l, entities := paginate(c, all)
	l.Entities = entities
	return http.StatusOK, l, nil
}

func paginate[T any](c *call, all []T) (listing, []T) {
	size, number := c.number("pageSize", 25), c.number("pageNumber", 1)
	pages := (len(all) + size - 1) / size
	l := listing{PageSize: size, PageNumber: number, Total: len(all), PageCount: pages}
	l.SelfURI, l.FirstURI, l.LastURI = c.pageURI(number), c.pageURI(1), c.pageURI(max(pages, 1))
	if number < pages {
		l.NextURI = c.pageURI(number + 1)
	}
	if number > 1 {
		l.PreviousURI = c.pageURI(number - 1)
	}
	from := min((number-1)*size, len(all))
	return l, append([]T{}, all[from:min(from+size, len(all))]...)
}

func (c *call) number(name string, otherwise int) int {
	if n, err := strconv.Atoi(c.query.Get(name)); err == nil {
		return min(n, maxNumber)
	}
	return otherwise
}

// maxNumber bounds page numbers and sizes: there is nothing on a page beyond.
const maxNumber = 1 << 30

func (c *call) pageURI(number int) string {
	q := maps.Clone(c.query)
	q.Set("pageSize", fmt.Sprint(c.number("pageSize", 25)))
	q.Set("pageNumber", fmt.Sprint(number))
	return c.path() + "?" + q.Encode()
}

// descending says that the query asks for the last first.
func (c *call) descending() bool {
	return strings.HasPrefix(strings.ToLower(c.query.Get("sortOrder")), "desc")
}

// listed takes a list parameter apart: a=1,2 and a=1&a=2 mean the same.
func listed(values []string) []string {
	var out []string
	for _, v := range values {
		out = append(out, strings.FieldsFunc(v, func(r rune) bool { return r == ',' })...)
	}
	return out
}

// path is the path of the request.
func (c *call) path() string {
	p := c.op.Path
	for name, value := range c.params {
		p = strings.Replace(p, "{"+name+"}", url.PathEscape(value), 1)
	}
	return p
}

// matchesName says whether a name passes a filter of the platform: case does
// not count, * stands for anything, an empty filter for all.
func matchesName(filter, name string) bool {
	filter, name = strings.ToLower(filter), strings.ToLower(name)
	return filter == "" || glob(filter, name)
}

// glob matches a pattern in which * stands for any run of characters.
func glob(pattern, s string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return s == pattern
	}
	s, ok := strings.CutPrefix(s, head)
	if !ok {
		return false
	}
	for i := range len(s) + 1 {
		if glob(rest, s[i:]) {
			return true
		}
	}
	return false
}

// cursorOf names a place in a list.
func cursorOf(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }

// keyOf is what a cursor names; empty where cursorOf makes no such cursor.
func keyOf(cursor string) string {
	key, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || cursorOf(string(key)) != cursor {
		return ""
	}
	return string(key)
}

// cursorPage answers with a page whose neighbours are named only by tokens
// inside nextUri and previousUri, without totals.
func cursorPage[T any](c *call, all []T, id func(T) string, show func(T) any) (int, any, error) {
	size, from := c.number("pageSize", 25), 0
	place := func(token string) int {
		key := keyOf(token)
		return slices.IndexFunc(all, func(v T) bool { return id(v) == key })
	}
	if after := c.query.Get("after"); after != "" {
		at := place(after)
		if at < 0 {
			return 0, nil, bad("invalid.query.param.value", "the cursor after is not valid")
		}
		from = at + 1
	} else if before := c.query.Get("before"); before != "" {
		at := place(before)
		if at < 0 {
			return 0, nil, bad("invalid.query.param.value", "the cursor before is not valid")
		}
		from = max(at-size, 0)
	}
	to := min(from+size, len(all))
	uri := func(name string, v T) string {
		q := url.Values{"pageSize": c.query["pageSize"], "name": c.query["name"]}
		q.Set(name, cursorOf(id(v)))
		return c.path() + "?" + q.Encode()
	}
	entities := []any{}
	for _, v := range all[from:to] {
		entities = append(entities, show(v))
	}
	out := map[string]any{"entities": entities, "selfUri": c.path()}
	if to < len(all) {
		out["nextUri"] = uri("after", all[to-1])
	}
	if from > 0 {
		out["previousUri"] = uri("before", all[from])
	}
	return http.StatusOK, out, nil
}
