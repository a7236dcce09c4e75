package strategy

import (
	"cmp"
	"errors"
	"fmt"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/foresort/foresort/internal/nearest"
	"github.com/foresort/foresort/internal/yamlfile"
	"github.com/foresort/foresort/routing"
)

// This file checks which other systems are told of changes, and adds them to a
// file. Package relay calls them; what it would refuse is refused here, with its
// place.

var (
	syncName   = regexp.MustCompile(`^[\pL\pN]([\pL\pN ._-]{0,198}[\pL\pN])?$`)
	notInName  = regexp.MustCompile(`[^\pL\pN._-]+`)
	secretName = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)
	headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$") // RFC 9110, section 5.6.2

	secretKey = regexp.MustCompile(`^sync\[\d+\]\.(secret|previousSecret)$`)
	// hasSecret finds a line with the key of a secret.
	hasSecret = regexp.MustCompile(`(?i)secret\S*\s*:`)
)

const (
	noSecretHere = "is not ${NAME}: a secret is named here, and does not stand in the file"
	nameSecret   = "write ${NAME}, with the name of the environment variable that holds it"
)

// hideSecrets takes secrets that stand in the file by mistake out of what is
// said about it: lines of sync are not shown, since the path of a URL and the
// value of a header may be secret as well.
func hideSecrets(problems Problems) Problems {
	for _, p := range problems {
		if secretKey.MatchString(p.Field) && strings.HasPrefix(p.Message, "should be") {
			p.Message, p.Hint = noSecretHere, nameSecret // the reader repeats what it found
		}
		if p.Field == "" && p.Hint == "" && strings.Contains(p.Source, "${") {
			p.Hint = `inside of { } put ${NAME} in quotes: "${NAME}"`
		}
		if strings.HasPrefix(p.Field, "sync") || hasSecret.MatchString(p.Source) {
			p.Source = ""
		}
	}
	return problems
}

func (c *checker) sync() {
	first := map[string]int{}
	for i, e := range c.s.Sync {
		path := c.path("sync[%d]", i)
		if c.Has(path + ".name") {
			if before, repeated := first[e.Name]; repeated {
				c.Fail(path+".name", fmt.Sprintf("two entries are named %q", e.Name), fmt.Sprintf("the other is on line %d", c.s.At(c.path("sync[%d]", before)).Line))
			} else {
				first[e.Name] = i
			}
			if !syncName.MatchString(e.Name) {
				c.Fail(path+".name", fmt.Sprintf("%q cannot be a name here", e.Name), "use up to 200 letters, digits, spaces and . _ - between them")
			}
		}
		if c.Has(path + ".url") {
			c.url(path+".url", e.URL)
		}
		for key, text := range map[string]string{"secret": e.Secret, "previousSecret": e.PreviousSecret} {
			if c.Has(path+"."+key) && !secretName.MatchString(text) {
				c.Fail(path+"."+key, noSecretHere, nameSecret)
			}
		}
		if c.Has(path+".previousSecret") && e.PreviousSecret == e.Secret {
			c.Fail(path+".previousSecret", "is the same as secret", "leave the key out when no secret is being changed")
		}
		if c.Has(path+".events") && len(e.Events) == 0 {
			c.Fail(path+".events", "is empty", "leave the key out for all events")
		}
		for k, pattern := range e.Events {
			if pattern != "" && !isPattern(pattern) {
				known := slices.Concat(routing.EventTypes, names(routing.EventAliases), []string{"queue.*", "route.*", "member.*", "utilization.*"})
				c.Fail(c.Item(path+".events", k), fmt.Sprintf("no event matches %q", pattern), cmp.Or(nearest.Hint(pattern, known, '`'), "there are "+strings.Join(routing.EventTypes, ", ")))
			}
		}
		c.headers(path+".headers", e.Headers)
	}
}

// url checks an address without repeating it: its path may hold a secret.
func (c *checker) url(path, text string) {
	u, err := url.Parse(text)
	switch {
	case strings.Contains(text, "${"):
		c.Fail(path, "takes no ${NAME}", "only secret and previousSecret do")
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		c.Fail(path, "is not a whole https address", "write one such as https://gateway.example.com/hooks/routing")
	case u.User != nil:
		c.Fail(path, "holds a name or password", "leave it out: the calls are signed with the secret")
	case strings.Contains(text, "#"):
		c.Fail(path, "holds a fragment, which is never sent", "leave out the # and what follows it")
	case u.Scheme == "http":
		c.Warn(path, "is not encrypted", "use https; with http, the host must be allowed by name where Foresort runs")
	}
}

// isPattern says whether a pattern matches any event.
func isPattern(p string) bool {
	kind, all := strings.CutSuffix(p, "*")
	return p == "*" || routing.EventAliases[p] != "" || slices.ContainsFunc(routing.EventTypes, func(t string) bool {
		return p == t || all && strings.HasSuffix(kind, ".") && strings.HasPrefix(t, kind)
	})
}

func (c *checker) headers(path string, headers map[string]string) {
	seen := map[string]bool{}
	for _, name := range names(headers) {
		at, canonical := path+"."+name, textproto.CanonicalMIMEHeaderKey(name)
		key := func(message, hint string) { c.FailAt(c.s.At(at), at, message, hint) }
		switch value := headers[name]; {
		case !headerName.MatchString(name):
			key(fmt.Sprintf("%q is not a header name", name), "")
		case routing.OwnHeader(canonical):
			key("is written by Foresort and cannot be set", "leave it out")
		case seen[canonical]:
			key(canonical+" is there twice", "headers do not tell case apart; keep one of them")
		case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			c.Fail(at, "has a line break or control character", "")
		case strings.Contains(value, "${"):
			c.Fail(at, "takes no ${NAME}", "only secret and previousSecret do")
		}
		seen[canonical] = true
	}
}

// targets compiles the other systems that are told of changes.
func (s *Strategy) targets() []routing.SyncTarget {
	var out []routing.SyncTarget
	for i, e := range s.Sync {
		t := routing.SyncTarget{
			Name: e.Name, URL: e.URL, Secret: variable(e.Secret), PreviousSecret: variable(e.PreviousSecret),
			Events: e.Events, Headers: e.Headers, At: s.At(fmt.Sprintf("sync[%d]", i)),
		}
		if t.Events == nil {
			t.Events = []string{"*"}
		}
		out = append(out, t)
	}
	return out
}

// variable is the name of the environment variable in ${NAME}.
func variable(text string) string {
	if m := secretName.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return "" // absent, or Parse has reported it
}

// SyncName is the usual name of an entry of sync, for the strategy of a queue.
func SyncName(queue string) string {
	name := []rune("Email Routing Sync - " + notInName.ReplaceAllString(queue, " "))
	return strings.TrimRight(string(name[:min(len(name), 200)]), " ._-")
}

// AddSync adds an entry to sync in a strategy file, and returns the file in its
// usual form. Comments and the order of the keys stay. The file must have no
// mistake (Problems), and no entry of that name. t.Secret and t.PreviousSecret
// are names of environment variables; t.At is not looked at.
func AddSync(file string, src []byte, t routing.SyncTarget) ([]byte, error) {
	before, problems := Parse(file, src)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	text, err := syncAsLines(file, src)
	if err != nil {
		return nil, err
	}
	s, _ := Parse(file, text)
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	at, entry := s.syncEnd(lines), syncEntry(t)
	switch {
	case s.At("sync").Line > 0:
	case at < len(lines):
		entry = append(append([]string{"sync:"}, entry...), "")
	default:
		entry = append([]string{"", "sync:"}, entry...)
	}
	text = []byte(strings.Join(slices.Insert(lines, at, entry...), "\n") + "\n")
	after, problems := Parse(file, text)
	if problems.Err() != nil {
		return nil, fmt.Errorf("add an entry to sync of %s: %w", file, withoutPlaces(problems))
	}
	if len(after.Sync) != len(before.Sync)+1 {
		return nil, fmt.Errorf("%s: no place for an entry of sync was found", file)
	}
	return Format(file, text)
}

// withoutPlaces are the errors among problems of lines that nobody has seen.
func withoutPlaces(problems Problems) error {
	var errs []error
	for _, p := range problems {
		hint := ""
		if p.Hint != "" {
			hint = " (" + p.Hint + ")"
		}
		if p.Severity == Error {
			errs = append(errs, errors.New(p.Field+": "+p.Message+hint))
		}
	}
	return errors.Join(errs...)
}

// syncAsLines is the file in its usual form, with its keys and the entries of
// sync on lines of their own and not in brackets.
func syncAsLines(file string, src []byte) ([]byte, error) {
	text, err := Format(file, src)
	for _, path := range []string{"", "sync"} {
		if err != nil {
			return nil, err
		}
		s, _ := Parse(file, text)
		at := s.places.Value(path)
		if at.Line == 0 {
			continue
		}
		lines := strings.Split(string(text), "\n")
		line := []rune(lines[at.Line-1])
		head, rest := string(line[:at.Column-1]), string(line[at.Column-1:])
		switch {
		case strings.HasPrefix(rest, "[]"):
			rest = rest[2:]
		case strings.HasPrefix(rest, "["), strings.HasPrefix(rest, "{"):
			rest = rest[:1] + "\n" + rest[1:] // the formatter takes brackets over several lines away
		}
		lines[at.Line-1] = head + rest
		text, err = Format(file, []byte(strings.Join(lines, "\n")))
	}
	return text, err
}

// syncEnd is how many lines stand before a new entry: up to the last of sync,
// or to the comments above tests or calendars where there is no sync.
func (s *Strategy) syncEnd(lines []string) int {
	if end := s.At("sync").Line; end > 0 {
		for i := end; i < len(lines) && (lines[i] == "" || strings.ContainsAny(lines[i][:1], " #")); i++ {
			if strings.HasPrefix(lines[i], " ") {
				end = i + 1
			}
		}
		return end
	}
	end := len(lines)
	for _, key := range []string{"tests", "calendars"} {
		if at := s.At(key).Line; at > 0 {
			end = min(end, at-1)
		}
	}
	for end < len(lines) && end > 0 && strings.HasPrefix(lines[end-1], "#") {
		end--
	}
	return end
}

// syncEntry writes an entry of sync.
func syncEntry(t routing.SyncTarget) []string {
	out := []string{"  - name: " + yamlfile.Text(t.Name), "    url: " + yamlfile.Text(t.URL)}
	for _, secret := range []struct{ key, name string }{{"secret", t.Secret}, {"previousSecret", t.PreviousSecret}} {
		if secret.name != "" {
			out = append(out, "    "+secret.key+": "+yamlfile.Text("${"+secret.name+"}"))
		}
	}
	if t.Events != nil {
		out = append(out, "    events: "+flowList(t.Events))
	}
	if len(t.Headers) > 0 {
		out = append(out, "    headers:")
	}
	for _, name := range names(t.Headers) {
		out = append(out, "      "+yamlfile.Text(name)+": "+yamlfile.Text(t.Headers[name]))
	}
	return out
}
