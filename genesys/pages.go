package genesys

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"strconv"
)

// This file walks the platform's four ways of paging
// (docs/platform-notes.md#paging). A page is asked for again by our own query;
// of a nextUri only its presence and its cursor are used, so no answer can send
// a request somewhere else.

// pageSize is the size that every list takes, unless its query names another.
const pageSize = 100

// page is what one page of a list can hold.
type page struct {
	Entities  []json.RawMessage `json:"entities"`
	PageCount *int              `json:"pageCount"`
	NextURI   string            `json:"nextUri"`
	Cursor    string            `json:"cursor"`
}

// numbered walks pageNumber and pageSize. With a pageCount it ends there;
// without one (the members of a queue) it ends when there is no nextUri. An
// empty page always ends it.
func numbered[T any](ctx context.Context, c *Client, id OperationID, args []string, query url.Values) iter.Seq2[T, error] {
	return walk[T](func(n int, _ string) (page, error) {
		q := with(query, "pageSize", strconv.Itoa(pageSize))
		q.Set("pageNumber", strconv.Itoa(n))
		return call[page](ctx, c, id, args, q, nil)
	}, func(n int, p page) (string, bool, error) {
		if p.PageCount != nil {
			return "", n < *p.PageCount, nil
		}
		return "", p.NextURI != "", nil
	})
}

// afterCursor walks a cursor that is inside nextUri.
func afterCursor[T any](ctx context.Context, c *Client, id OperationID, args []string, query url.Values) iter.Seq2[T, error] {
	return walk[T](func(_ int, cursor string) (page, error) {
		return call[page](ctx, c, id, args, cursored(query, "after", cursor), nil)
	}, func(_ int, p page) (string, bool, error) {
		if p.NextURI == "" {
			return "", false, nil
		}
		cursor, err := c.cursorIn(p.NextURI)
		return cursor, true, err
	})
}

// bodyCursor walks a cursor that is in the body.
func bodyCursor[T any](ctx context.Context, c *Client, id OperationID, args []string, query url.Values) iter.Seq2[T, error] {
	return walk[T](func(_ int, cursor string) (page, error) {
		return call[page](ctx, c, id, args, cursored(query, "cursor", cursor), nil)
	}, func(_ int, p page) (string, bool, error) { return p.Cursor, p.Cursor != "", nil })
}

// inBody walks a query whose body names the page; body makes it for page n. It
// ends at pageCount, or without one at a page that is empty.
func inBody[T any](ctx context.Context, c *Client, id OperationID, query url.Values, body func(n int) any) iter.Seq2[T, error] {
	return walk[T](func(n int, _ string) (page, error) {
		return call[page](ctx, c, id, nil, query, body(n))
	}, func(n int, p page) (string, bool, error) { return "", p.PageCount == nil || n < *p.PageCount, nil })
}

// walk gives the entities of page 1, 2, … until more says that a page was the
// last, or a page is empty.
func walk[T any](fetch func(n int, cursor string) (page, error), more func(n int, p page) (cursor string, more bool, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		cursor := ""
		for n := 1; ; n++ {
			p, err := fetch(n, cursor)
			if err != nil {
				yield(none, err)
				return
			}
			for i, e := range p.Entities {
				var v T
				err := json.Unmarshal(e, &v)
				if err != nil {
					err = fmt.Errorf("page %d, entity %d: %w", n, i+1, err)
				}
				if !yield(v, err) || err != nil {
					return
				}
			}
			next, goOn, err := more(n, p)
			if err == nil && goOn && next != "" && next == cursor {
				err = errors.New("its next page is itself")
			}
			if err != nil {
				yield(none, fmt.Errorf("page %d: %w", n, err))
				return
			}
			if !goOn || len(p.Entities) == 0 {
				return
			}
			cursor = next
		}
	}
}

// cursorIn reads the cursor out of a nextUri, which has to be of this host.
func (c *Client) cursorIn(next string) (string, error) {
	u, err := url.Parse(next)
	switch {
	case err != nil:
		return "", errors.New("the address of its next page is not one")
	case u.Host != "" && u.Host != c.Host():
		return "", fmt.Errorf("its next page is on another host, %s", u.Host)
	case u.Query().Get("after") == "":
		return "", errors.New("the address of its next page has no cursor")
	}
	return u.Query().Get("after"), nil
}

func cursored(query url.Values, key, cursor string) url.Values {
	q := with(query, "pageSize", cmp.Or(query.Get("pageSize"), strconv.Itoa(pageSize)))
	if cursor != "" {
		q.Set(key, cursor)
	}
	return q
}

// with is a copy of a query with one more key.
func with(query url.Values, key, value string) url.Values {
	q := maps.Clone(query)
	if q == nil {
		q = url.Values{}
	}
	q.Set(key, value)
	return q
}

// collect reads a list to its end.
func collect[T any](items iter.Seq2[T, error]) ([]T, error) {
	out := []T{}
	for v, err := range items {
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}
