package scenario

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/foresort/foresort/internal/nearest"
	"github.com/foresort/foresort/internal/yamlfile"
	"github.com/foresort/foresort/routing"
)

// This file reads traces and histories: files with one email on each line.

// The limits of a trace.
const (
	maxRows     = 2_000_000
	maxProblems = 5 // that are told of one file
)

// traceFile is a trace or history as it was read.
type traceFile struct {
	name     string
	text     string
	rows     []row
	problems int
}

// row is one email of a trace.
type row struct {
	at     time.Time // as the clock on the wall shows it, where it is not zoned
	zoned  bool
	line   int
	column int // of the time
	rule   string
	handle time.Duration
}

// columns are what a trace says of an email.
var columns = []string{"at", "rule", "handle"}

var seconds = regexp.MustCompile(`^[0-9]+([.][0-9]+)?$`)

// readTime reads a day, a time on the wall (as UTC), or an instant (zoned).
func readTime(s string) (t time.Time, zoned, ok bool) {
	s = strings.TrimSpace(s)
	layout := time.RFC3339
	switch {
	case len(s) == len(time.DateOnly):
		layout = time.DateOnly
	case len(s) == 16 && s[10] == ' ':
		layout = "2006-01-02 15:04"
	case len(s) == 16:
		layout = "2006-01-02T15:04"
	case len(s) >= 19 && s[10] == ' ':
		layout = time.DateTime // also with parts of a second
	case len(s) >= 19 && !strings.ContainsAny(s[19:], "Zz+-"):
		layout = "2006-01-02T15:04:05"
	}
	t, err := time.Parse(layout, s)
	return t, layout == time.RFC3339, err == nil
}

// load reads a trace or history that a key names; each file once.
func (c *checker) load(path, name string, read func(name string) ([]byte, error)) {
	if strings.TrimSpace(name) == "" {
		c.Fail(path, "is empty", "name a file")
		return
	}
	if _, known := c.s.files[name]; known {
		return
	}
	if read == nil {
		c.Fail(path, "no file can be read here", "")
		return
	}
	text, err := read(name)
	if err != nil {
		c.Fail(path, "the file cannot be read: "+err.Error(), "its name counts from the folder of the scenario")
		return
	}
	f := &traceFile{name: name, text: string(bytes.TrimPrefix(text, []byte("\ufeff")))}
	c.s.files[name] = f
	switch start := strings.TrimLeft(f.text, " \t\r\n"); {
	case strings.HasPrefix(start, "["):
		f.readJSON(c)
	case strings.HasPrefix(start, "{"):
		f.failAt(c.Reader, len(f.text)-len(start), "an object stands where a list of emails belongs", listHint)
	default:
		f.readCSV(c)
	}
	f.end(c.Reader)
	if len(f.rows) == 0 && f.problems == 0 {
		c.Fail(path, name+" has no email", "it needs a line at,rule,handle and one line for each email")
	}
}

// listHint shows what a list of emails looks like in JSON.
const listHint = `write one list of all emails: [{"at": "2026-11-30 08:00", "rule": "standard"}, …]`

// fail reports a mistake in the file; only the first are told. The column counts
// bytes.
func (f *traceFile) fail(r *yamlfile.Reader, line, column int, message, hint string) {
	if f.problems++; f.problems <= maxProblems {
		r.Add(f.problem(line, column, message, hint))
	}
}

// failAt reports a mistake at a byte of the file.
func (f *traceFile) failAt(r *yamlfile.Reader, at int, message, hint string) {
	line, column := f.place(at)
	f.fail(r, line, column, message, hint)
}

// place is the line of a byte, and the column in it in bytes.
func (f *traceFile) place(at int) (line, column int) {
	return 1 + strings.Count(f.text[:at], "\n"), at - strings.LastIndexByte(f.text[:at], '\n')
}

// problem is an error at a column that counts bytes.
func (f *traceFile) problem(line, column int, message, hint string) *yamlfile.Problem {
	p := yamlfile.NewProblem(f.name, f.text, routing.Place{Line: line, Column: column}, "", message, hint)
	p.Column = 1 + utf8.RuneCountInString(p.Source[:max(0, min(column-1, len(p.Source)))])
	return p
}

// end says how many problems of the file were not told.
func (f *traceFile) end(r *yamlfile.Reader) {
	if more := f.problems - maxProblems; more > 0 {
		p := yamlfile.NewProblem(f.name, "", routing.Place{Line: 1 + strings.Count(f.text, "\n")}, "", fmt.Sprintf("%d problems more in this file", more), "")
		p.Source = ""
		r.Add(p)
	}
}

// add takes one email as its texts; at is where its time stands.
func (f *traceFile) add(c *checker, line, column int, at, rule, handle string) bool {
	if len(f.rows) == maxRows {
		f.fail(c.Reader, line, column, fmt.Sprintf("the file has more than %d emails", maxRows), "split it into several scenarios")
		return false
	}
	x := row{line: line, column: column, rule: strings.TrimSpace(rule)}
	if message := unshown(x.rule); message != "" {
		f.fail(c.Reader, line, column, message, unshownHint)
		return true
	}
	ok := false
	if x.at, x.zoned, ok = readTime(at); !ok {
		f.fail(c.Reader, line, column, fmt.Sprintf("%q is not a time", at), "write 2026-11-30 08:00, or with an offset 2026-11-30T08:00:00+01:00")
		return true
	}
	if handle = strings.TrimSpace(handle); handle != "" {
		d, err := time.ParseDuration(handle)
		if seconds.MatchString(handle) {
			d, err = time.ParseDuration(handle + "s")
		}
		if err != nil || d <= 0 || d > maxTime {
			f.fail(c.Reader, line, column, fmt.Sprintf("%q is not a handling time", handle), "write a span such as 6m, or seconds, above 0")
			return true
		}
		x.handle = d
	}
	f.rows = append(f.rows, x)
	return true
}

// unknown warns of a column that means nothing.
func (f *traceFile) unknown(c *checker, line, column int, name string) {
	near := columns
	if !strings.Contains(strings.ToLower(name), columns[0]) {
		near = columns[1:] // any two letters are near to one of two
	}
	p := f.problem(line, column, fmt.Sprintf("%q means nothing here and is not looked at", name), cmp.Or(nearest.Hint(name, near, '`'), "known are "+strings.Join(columns, ", ")))
	p.Severity = yamlfile.Warning
	c.Add(p)
}

func (f *traceFile) readCSV(c *checker) {
	in := csv.NewReader(strings.NewReader(f.text))
	in.FieldsPerRecord, in.TrimLeadingSpace, in.ReuseRecord = -1, true, true
	if first, _, _ := strings.Cut(f.text, "\n"); strings.Contains(first, ";") && !strings.Contains(first, ",") {
		in.Comma = ';'
	}
	where, named := map[string]int{}, 0
	for header := true; ; header = false {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			line, column, message := 1, 1, err.Error()
			if bad, ok := errors.AsType[*csv.ParseError](err); ok {
				line, column, message = bad.Line, bad.Column, bad.Err.Error()
			}
			f.fail(c.Reader, line, column, "not CSV: "+message, "put text with quotes or commas in quotes")
			return
		}
		if header {
			named = len(record)
			for i, name := range record {
				name = strings.ToLower(strings.TrimSpace(name))
				if _, twice := where[name]; twice && slices.Contains(columns, name) {
					line, column := in.FieldPos(i)
					f.fail(c.Reader, line, column, fmt.Sprintf("the column `%s` is named twice", name), "keep one of the two")
					return
				}
				where[name] = i
			}
			if _, ok := where["at"]; !ok {
				f.fail(c.Reader, 1, 1, "the first line does not name a column `at`", "start the file with at,rule,handle")
				return
			}
			for _, name := range sorted(where) {
				if !slices.Contains(columns, name) {
					line, column := in.FieldPos(where[name])
					f.unknown(c, line, column, name)
				}
			}
			continue
		}
		get := func(name string) string {
			if i, ok := where[name]; ok && i < len(record) {
				return record[i]
			}
			return ""
		}
		if extra := firstFilled(record, named); extra < len(record) {
			line, column := in.FieldPos(extra)
			f.fail(c.Reader, line, column, fmt.Sprintf("%q stands in column %d, and the first line names %d", record[extra], extra+1, named), "put text with commas in quotes, or name the column in the first line")
			continue
		}
		line, column := in.FieldPos(min(where["at"], len(record)-1))
		if !f.add(c, line, column, get("at"), get("rule"), get("handle")) {
			return
		}
	}
}

// firstFilled is the first field from one on that is not empty; as many as there
// are where all are.
func firstFilled(record []string, from int) int {
	for i := from; i < len(record); i++ {
		if strings.TrimSpace(record[i]) != "" {
			return i
		}
	}
	return len(record)
}

func (f *traceFile) readJSON(c *checker) {
	dec := json.NewDecoder(strings.NewReader(f.text))
	broken := func(err error) {
		at := int(dec.InputOffset())
		if bad, ok := errors.AsType[*json.SyntaxError](err); ok {
			at = int(bad.Offset) - 1
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			f.failAt(c.Reader, len(strings.TrimRight(f.text, " \t\r\n")), "the file ends before the list of emails does", "the list ends with ]: look whether the file is whole")
			return
		}
		f.failAt(c.Reader, max(0, min(at, len(f.text))), "not JSON: "+err.Error(), listHint)
	}
	if _, err := dec.Token(); err != nil {
		broken(err)
		return
	}
	line, counted := 1, 0
	warned := map[string]bool{}
	for dec.More() {
		start := int(dec.InputOffset())
		start += len(f.text[start:]) - len(strings.TrimLeft(f.text[start:], " \t\r\n,"))
		line += strings.Count(f.text[counted:start], "\n")
		counted = start
		column := start - strings.LastIndexByte(f.text[:start], '\n')
		var object map[string]any
		if err := dec.Decode(&object); err != nil {
			if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
				f.fail(c.Reader, line, column, "should be an object with at, rule and handle", "")
				continue
			}
			broken(err)
			return
		}
		for _, key := range sorted(object) {
			if !slices.Contains(columns, key) && !warned[key] {
				warned[key] = true
				f.unknown(c, line, column, key)
			}
		}
		if !f.add(c, line, column, text(object["at"]), text(object["rule"]), text(object["handle"])) {
			return
		}
	}
	if _, err := dec.Token(); err != nil {
		broken(err)
		return
	}
	end := int(dec.InputOffset())
	if rest := strings.TrimLeft(f.text[end:], " \t\r\n"); rest != "" {
		f.failAt(c.Reader, len(f.text)-len(rest), "something stands after the end of the list", listHint)
	}
}

// text is a value of JSON as a CSV file would have it.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}
