package sandbox

import (
	"encoding/json"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// accountHandlers answer who is asking: token, client, organisation, divisions.
var accountHandlers = map[string]handler{
	"getTokensMe":                getTokensMe,
	"headTokensMe":               func(*call) (int, any, error) { return http.StatusOK, nil, nil },
	"deleteTokensMe":             deleteTokensMe,
	"getOrganizationsMe":         getOrganizationsMe,
	"getAuthorizationSubjectsMe": getAuthorizationSubjectsMe,
	"getAuthorizationDivisions":  getDivisions,
	"getAuthorizationDivisionsHome": func(c *call) (int, any, error) {
		return http.StatusOK, c.homeDivision(), nil
	},
}

// token is one bearer token and its window of the rate limit.
type token struct {
	value   string
	expires time.Time
	window  time.Time // when the running minute began
	count   int       // requests in it
}

// oauthError is the error body of the sign-in host, which is not the API's.
type oauthError struct {
	Error            string `json:"error"`
	Description      string `json:"description"`
	ErrorDescription string `json:"error_description"`
}

// issueToken answers POST /oauth/token for the client-credentials grant, with
// the credentials in the Authorization header or in the form.
func (s *Server) issueToken(r *http.Request, body []byte) answer {
	a := answer{status: http.StatusOK, header: http.Header{"Cache-Control": {"no-store"}}}
	refuse := func(status int, code, description string) answer {
		a.status = status
		a.body, _ = json.Marshal(oauthError{code, description, description})
		return a
	}
	if r.Method != http.MethodPost {
		return refuse(http.StatusMethodNotAllowed, "invalid_request", "send the token request with POST")
	}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	form, err := url.ParseQuery(string(body))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return refuse(http.StatusBadRequest, "invalid_request", "the token request must be application/x-www-form-urlencoded")
	}
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = form.Get("client_id"), form.Get("client_secret")
	} else if unescaped, err := url.QueryUnescape(secret); err == nil && secret != s.options.ClientSecret {
		secret = unescaped // RFC 6749 escapes both before they are encoded
	}
	switch grant := form.Get("grant_type"); {
	case grant == "":
		return refuse(http.StatusBadRequest, "invalid_request", "grant_type is missing")
	case grant != "client_credentials":
		return refuse(http.StatusBadRequest, "unsupported_grant_type", "grant type not supported: "+grant)
	case id != s.options.ClientID:
		return refuse(http.StatusBadRequest, "invalid_client", "client not found: "+id)
	case secret != s.options.ClientSecret:
		return refuse(http.StatusUnauthorized, "invalid_client", "authentication failed")
	}
	t := &token{value: uuid(s.chance), expires: s.wall().Add(s.options.TokenLifetime)}
	s.tokens[t.value] = t
	a.body, _ = json.Marshal(struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int    `json:"expires_in"`
	}{t.value, "bearer", int(s.options.TokenLifetime.Seconds())})
	return a
}

func (s *Server) authenticate(r *http.Request) (*token, error) {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") || value == "" {
		return nil, fail(http.StatusUnauthorized, "authentication.required", "No authentication bearer token specified in authorization header.")
	}
	t := s.tokens[value]
	if t == nil || !s.wall().Before(t.expires) {
		return nil, fail(http.StatusUnauthorized, "bad.credentials", "Invalid login credentials.")
	}
	return t, nil
}

// limit counts the request in the token's minute and refuses it beyond the
// limit. See docs/platform-notes.md#rate-limits.
func (s *Server) limit(t *token, header http.Header) error {
	now, allowed := s.wall(), s.options.RateLimit
	if now.Sub(t.window) >= time.Minute {
		t.window, t.count = now, 0
	}
	t.count++
	if allowed < 0 {
		return nil
	}
	left := int(math.Ceil(t.window.Add(time.Minute).Sub(now).Seconds()))
	header.Set("inin-ratelimit-count", strconv.Itoa(t.count))
	header.Set("inin-ratelimit-allowed", strconv.Itoa(allowed))
	header.Set("inin-ratelimit-reset", strconv.Itoa(left))
	if t.count <= allowed {
		return nil
	}
	header.Set("Retry-After", strconv.Itoa(left))
	return tooMany(left, allowed)
}

func tooMany(seconds, allowed int) *failure {
	f := fail(http.StatusTooManyRequests, "too.many.requests.retry.after", "Rate limit exceeded the maximum. Retry the request in [%d] seconds", seconds)
	if allowed > 0 {
		f.Limit = &limit{Namespace: "platform.api", Key: "client.credentials.token.rate.per.minute", Value: allowed}
	}
	return f
}

func getTokensMe(c *call) (int, any, error) {
	client := ref{ID: c.options.ClientID, Name: "Foresort"}
	return http.StatusOK, map[string]any{
		"organization":     ref{ID: c.org.ID, Name: c.org.Name},
		"homeOrganization": ref{ID: c.org.ID, Name: c.org.Name},
		"authorizedScope":  []string{},
		"OAuthClient":      client,
	}, nil
}

func deleteTokensMe(c *call) (int, any, error) {
	delete(c.tokens, c.token.value)
	return http.StatusOK, nil, nil
}

func getOrganizationsMe(c *call) (int, any, error) {
	return http.StatusOK, map[string]any{
		"id": c.org.ID, "name": c.org.Name, "defaultLanguage": "en-us", "defaultCountryCode": "US",
		"domain": "larkfield", "version": 1, "state": "active", "selfUri": "/api/v2/organizations/" + c.org.ID,
	}, nil
}

// getAuthorizationSubjectsMe shows the client's one role, with a policy for
// each entity that it may do something with.
func getAuthorizationSubjectsMe(c *call) (int, any, error) {
	type policy struct {
		Domain  string   `json:"domain"`
		Entity  string   `json:"entityName"`
		Actions []string `json:"actions"`
	}
	policies := []*policy{}
	for _, p := range c.contract.AllPermissions() {
		parts := strings.Split(p, ":")
		if len(parts) != 3 || !c.allowed(p) {
			continue
		}
		last := len(policies) - 1
		if last < 0 || policies[last].Domain != parts[0] || policies[last].Entity != parts[1] {
			policies = append(policies, &policy{Domain: parts[0], Entity: parts[1]})
			last++
		}
		policies[last].Actions = append(policies[last].Actions, parts[2])
	}
	return http.StatusOK, map[string]any{
		"id": c.options.ClientID, "name": "Foresort", "version": 1, "selfUri": "/api/v2/authorization/subjects/" + c.options.ClientID,
		"grants": []any{map[string]any{
			"subjectId": c.options.ClientID,
			"division":  c.homeDivision(),
			"role":      map[string]any{"id": "sandbox-role", "name": "Foresort", "policies": policies, "default": false},
		}},
	}, nil
}

func (s *Server) homeDivision() any {
	return map[string]any{
		"id": s.division.ID, "name": s.division.Name, "description": "", "homeDivision": true,
		"selfUri": "/api/v2/authorization/divisions/" + s.division.ID,
	}
}

func getDivisions(c *call) (int, any, error) {
	all := []any{c.homeDivision()}
	ids := listed(c.query["id"])
	if len(ids) > 0 && !slices.Contains(ids, c.division.ID) || !matchesName(c.query.Get("name"), c.division.Name) {
		all = nil
	}
	return page(c, all)
}
