package contract

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// MaxPageSize is the page size that holds where the contract documents none, and
// MaxJobPageSize that of the results of a job in analytics. See
// docs/platform-notes.md#paging.
const (
	MaxPageSize    = 100
	MaxJobPageSize = 1000
)

// CheckQuery lists where a query string breaks the contract, sorted by
// parameter: types, allowed values, limits, page limits, what is required.
// Parameters that the contract does not know are ignored, as the platform
// ignores them.
func (op *Operation) CheckQuery(query url.Values) []Violation {
	var found []Violation
	for _, name := range slices.Sorted(maps.Keys(op.Query)) {
		p := op.Query[name]
		values := query[name]
		if len(values) == 0 || slices.Equal(values, []string{""}) {
			if p.Required {
				found = append(found, Violation{Kind: Missing, Field: name})
			}
			continue
		}
		item := p
		if p.Type == "array" && p.Items != nil {
			item = *p.Items
			values = split(values)
			if p.Max > 0 && len(values) > p.Max {
				found = append(found, Violation{Kind: TooLarge, Field: name, Value: strconv.Itoa(len(values)) + " values", Allowed: []string{strconv.Itoa(p.Max)}})
			}
			item.Max = 0
		}
		if name == "pageSize" && item.Max == 0 {
			item.Max = MaxPageSize
			if strings.HasSuffix(op.Path, "/jobs/{jobId}/results") {
				item.Max = MaxJobPageSize
			}
		}
		for _, v := range values {
			if bad := item.check(name, v); bad != nil {
				found = append(found, *bad)
			}
		}
	}
	return found
}

func (p Parameter) check(name, value string) *Violation {
	v := Violation{Kind: BadType, Field: name, Value: value, Type: p.Type}
	var err error
	switch p.Type {
	case "integer":
		_, err = strconv.Atoi(value)
	case "number":
		_, err = strconv.ParseFloat(value, 64)
	case "boolean":
		_, err = strconv.ParseBool(value)
	}
	if err != nil {
		return &v
	}
	isDefault := p.Default == value // some defaults are not among the allowed values
	if len(p.Enum) > 0 && !isDefault && !slices.ContainsFunc(p.Enum, func(e string) bool { return strings.EqualFold(e, value) }) {
		v.Kind, v.Allowed = BadValue, p.Enum
		return &v
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return nil
	}
	if p.Max > 0 && n > p.Max {
		v.Kind, v.Allowed = TooLarge, []string{strconv.Itoa(p.Max)}
		return &v
	}
	if n < 1 && (name == "pageSize" || name == "pageNumber") {
		v.Kind = BadValue
		return &v
	}
	return nil
}

// split takes lists written as a=1&a=2 and as a=1,2.
func split(values []string) []string {
	var out []string
	for _, v := range values {
		out = append(out, strings.Split(v, ",")...)
	}
	return out
}
