package genesys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Token is what is known about the access token, without the token itself.
type Token struct {
	Issued  time.Time
	Life    time.Duration // expires_in of the login host
	Expires time.Time
}

// margin is how long before its end a token is renewed; half the life of a
// token that lives less than twice as long.
const margin = time.Minute

// shortestLife is taken for a token whose answer does not say how long it
// lives: no client can be set to less (docs/platform-notes.md#authentication).
const shortestLife = 5 * time.Minute

// access is a token and when to renew it.
type access struct {
	Token
	secret Secret
	renew  time.Time
}

// tokens holds the one token of a client. However many callers need a new one,
// one of them asks for it and the others share what it got.
type tokens struct {
	mint func(context.Context) (access, error)
	turn chan struct{} // holds one value; whoever takes it may mint

	mu     sync.Mutex
	now    access
	failed error // of the last mint
	mints  int   // mints that ended, well or not
}

func newTokens(mint func(context.Context) (access, error)) *tokens {
	t := &tokens{mint: mint, turn: make(chan struct{}, 1)}
	t.turn <- struct{}{}
	return t
}

// get returns the token, a new one where there is none or it is about to end.
func (t *tokens) get(ctx context.Context) (access, error) {
	t.mu.Lock()
	now, mints := t.now, t.mints
	t.mu.Unlock()
	if time.Now().Before(now.renew) {
		return now, nil
	}
	select {
	case <-ctx.Done():
		return access{}, ctx.Err()
	case <-t.turn:
		defer func() { t.turn <- struct{}{} }()
	}
	t.mu.Lock()
	now, failed, done := t.now, t.failed, t.mints > mints
	t.mu.Unlock()
	if time.Now().Before(now.renew) {
		return now, nil
	}
	if done && failed != nil {
		return access{}, failed // someone asked while this caller waited
	}
	now, err := t.mint(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() == nil { // a caller who gave up says nothing about the others
		t.mints, t.failed = t.mints+1, err
	}
	if err == nil {
		t.now = now
	}
	return now, err
}

// drop forgets a token that the platform refused, if it is still the one in use.
func (t *tokens) drop(refused Secret) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now.secret == refused {
		t.now = access{}
	}
}

// signIn asks the login host for a token with the client credentials grant.
func (c *Client) signIn(ctx context.Context) (access, error) {
	issued := time.Now()
	body, err := c.attempts(ctx, request{
		method: http.MethodPost, path: "/oauth/token", login: true,
		safe: true, // a second token does no harm
		body: []byte(url.Values{"grant_type": {"client_credentials"}}.Encode()),
	})
	var got struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}
	if err == nil {
		if err = json.Unmarshal(body, &got); err == nil && got.AccessToken == "" {
			err = errors.New("the answer holds no access token")
		}
	}
	if err != nil {
		return access{}, c.signInError(err)
	}
	life := time.Duration(got.ExpiresIn) * time.Second
	if life <= 0 || got.ExpiresIn > int64(100*365*24*time.Hour/time.Second) {
		life = shortestLife
	}
	return access{
		Token:  Token{Issued: issued, Life: life, Expires: issued.Add(life)},
		secret: Secret(got.AccessToken),
		renew:  issued.Add(life - min(margin, life/2)),
	}, nil
}

// signInError adds what to check to a refusal of the credentials.
func (c *Client) signInError(err error) error {
	where := strings.TrimPrefix(c.hosts.login, "https://")
	var e *APIError
	if errors.As(err, &e) && (e.Status == http.StatusBadRequest || e.Status == http.StatusUnauthorized) && e.Code != ipNotAuthorized {
		return fmt.Errorf("sign in to %s as client %s (check its id and secret, and that the client was made in this region): %w", where, c.clientID, err)
	}
	return fmt.Errorf("sign in to %s as client %s: %w", where, c.clientID, err)
}

// Token signs in where needed and says how long the token lives.
func (c *Client) Token(ctx context.Context) (Token, error) {
	a, err := c.tokens.get(ctx)
	return a.Token, err
}
