package genesys

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
	"strings"

	"github.com/foresort/foresort/routing"
)

// Domains lists the email domains.
func (c *Client) Domains(ctx context.Context) iter.Seq2[routing.EmailDomain, error] {
	return func(yield func(routing.EmailDomain, error) bool) {
		type settings struct {
			Integration routing.Ref
			Status      string
			ErrorInfo   struct{ Message, Code string }
		}
		type domain struct {
			ID               string // is the domain's name
			MXRecordStatus   string
			SubDomain        bool
			IMAPSettings     settings
			GraphAPISettings settings
			CustomSMTPServer routing.Ref
		}
		for d, err := range numbered[domain](ctx, c, GetRoutingEmailDomains, nil, nil) {
			out := routing.EmailDomain{Name: strings.ToLower(d.ID), MXStatus: d.MXRecordStatus, SubDomain: d.SubDomain}
			fetched := func(by string, s settings) {
				out.By, out.Fetching, out.Trouble = by, s.Status, cmp.Or(s.ErrorInfo.Message, s.ErrorInfo.Code)
			}
			switch {
			case d.IMAPSettings.Integration.ID != "":
				fetched("IMAP", d.IMAPSettings)
			case d.GraphAPISettings.Integration.ID != "":
				fetched("Graph", d.GraphAPISettings)
			case d.CustomSMTPServer.ID != "":
				out.By = "SMTP"
			}
			if !yield(out, err) || err != nil {
				return
			}
		}
	}
}

// Routes lists the routes of a domain whose pattern (the part before the @)
// matches, all with an empty pattern. The platform may find more than the exact
// pattern.
func (c *Client) Routes(ctx context.Context, domain, pattern string) iter.Seq2[json.RawMessage, error] {
	var query url.Values
	if pattern != "" {
		query = url.Values{"pattern": {pattern}}
	}
	return numbered[json.RawMessage](ctx, c, GetRoutingEmailDomainRoutes, []string{domain}, query)
}

// Route reads a route by its id, as the platform sends it.
func (c *Client) Route(ctx context.Context, domain, id string) (json.RawMessage, error) {
	return c.do(ctx, GetRoutingEmailDomainRoute, []string{domain, id}, nil, nil)
}

// CreateRoute makes a route; raw needs pattern, fromName and a queue or a flow.
// The route takes no mail before its status is Active
// (docs/platform-notes.md#route-status).
func (c *Client) CreateRoute(ctx context.Context, domain string, raw json.RawMessage) (json.RawMessage, error) {
	body, err := WritableRoute(raw)
	if err != nil {
		return nil, fmt.Errorf("new route of %s: %w", domain, err)
	}
	return c.do(ctx, PostRoutingEmailDomainRoutes, []string{domain}, nil, body)
}

// PutRoute writes a whole route; its read-only fields are dropped here.
func (c *Client) PutRoute(ctx context.Context, domain, id string, raw json.RawMessage) (json.RawMessage, error) {
	body, err := WritableRoute(raw)
	if err != nil {
		return nil, fmt.Errorf("route %s of %s: %w", id, domain, err)
	}
	return c.do(ctx, PutRoutingEmailDomainRoute, []string{domain, id}, nil, body)
}

// DeleteRoute deletes a route; it can be seen for a while after that.
func (c *Client) DeleteRoute(ctx context.Context, domain, id string) error {
	_, err := c.do(ctx, DeleteRoutingEmailDomainRoute, []string{domain, id}, nil, nil)
	return err
}

// WritableRoute drops what the platform alone writes in a route.
func WritableRoute(raw json.RawMessage) (json.RawMessage, error) {
	return without(raw, "id", "status", "selfUri")
}

// DecodeRoute reads a route of a domain as the platform sends it.
func DecodeRoute(domain string, raw json.RawMessage) (routing.EmailRoute, error) {
	o, err := open(raw)
	if err != nil {
		return routing.EmailRoute{}, err
	}
	r := routing.EmailRoute{
		ID:      text(o["id"]),
		Address: routing.Address{Local: strings.ToLower(text(o["pattern"])), Domain: strings.ToLower(domain)},
		Status:  routing.RouteStatus(text(o["status"])),
	}
	if r.Settings, err = Decode[routing.RouteSettings](raw); err != nil {
		return r, fmt.Errorf("email route %s: %w", r.Address, err)
	}
	if !isNothing(o["flow"]) {
		flow, err := readRef(o["flow"])
		if err != nil {
			return r, fmt.Errorf("email route %s: flow: %w", r.Address, err)
		}
		r.Flow = &flow
	}
	return r, nil
}
