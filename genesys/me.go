package genesys

import (
	"context"

	"github.com/foresort/foresort/routing"
)

// Organization is the org that the client belongs to. It is read once.
func (c *Client) Organization(ctx context.Context) (routing.Ref, error) {
	if org := c.org.Load(); org != nil {
		return *org, nil
	}
	org, err := call[routing.Ref](ctx, c, GetOrganizationsMe, nil, nil, nil)
	if err == nil {
		c.org.Store(&org)
	}
	return org, err
}

// Belongs tells the client which org it belongs to, where that is known: it is then
// not read.
func (c *Client) Belongs(org routing.Ref) { c.org.Store(&org) }

// SignIn is what the platform says about the token in use.
type SignIn struct {
	Organization routing.Ref `json:"organization"`
	OAuthClient  routing.Ref `json:"OAuthClient"`
}

// Me asks the platform whom it takes the client for.
func (c *Client) Me(ctx context.Context) (SignIn, error) {
	return call[SignIn](ctx, c, GetTokensMe, nil, nil, nil)
}
