package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// On lets apply work on the org of a client.
func On(c *genesys.Client) Platform { return client{c} }

type client struct{ c *genesys.Client }

func (p client) Read(ctx context.Context, o Object) (json.RawMessage, error) {
	switch o.Kind {
	case plan.Queue:
		return p.c.Queue(ctx, o.ID)
	case plan.Route:
		return p.c.Route(ctx, o.Domain, o.ID)
	case plan.Utilization:
		return p.c.UserUtilization(ctx, o.ID)
	case plan.Email:
		return p.email(ctx, o)
	case plan.Member:
	}
	return nil, noSuch("read", o)
}

func (p client) Create(ctx context.Context, o Object, body json.RawMessage) (json.RawMessage, error) {
	switch o.Kind {
	case plan.Queue:
		return p.c.CreateQueue(ctx, body)
	case plan.Route:
		return p.c.CreateRoute(ctx, o.Domain, body)
	case plan.Member, plan.Utilization, plan.Email:
	}
	return nil, noSuch("create", o)
}

func (p client) Write(ctx context.Context, o Object, body json.RawMessage) (err error) {
	switch o.Kind {
	case plan.Queue:
		_, err = p.c.PutQueue(ctx, o.ID, body)
	case plan.Route:
		_, err = p.c.PutRoute(ctx, o.Domain, o.ID, body)
	case plan.Utilization:
		_, err = p.c.PutUserUtilization(ctx, o.ID, body)
	case plan.Email:
		err = p.patch(ctx, o, body)
	case plan.Member:
		err = noSuch("write", o)
	}
	return err
}

func (p client) Delete(ctx context.Context, o Object) error {
	switch o.Kind {
	case plan.Queue:
		return p.c.DeleteQueue(ctx, o.ID)
	case plan.Route:
		return p.c.DeleteRoute(ctx, o.Domain, o.ID)
	case plan.Utilization:
		return p.c.DeleteUserUtilization(ctx, o.ID)
	case plan.Member, plan.Email:
	}
	return noSuch("delete", o)
}

// email reads an email that waits in its queue.
func (p client) email(ctx context.Context, o Object) (json.RawMessage, error) {
	raw, err := p.c.WaitingEmail(ctx, o.ID, o.Queue)
	if err != nil {
		return nil, err
	}
	var e struct{ Waiting bool }
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, fmt.Errorf("read an email that waits: %w", err)
	}
	if !e.Waiting {
		return nil, fmt.Errorf("email %s does not wait any more: %w", o.ID, genesys.ErrNotFound)
	}
	return raw, nil
}

func (p client) Email(ctx context.Context, id string) (genesys.Email, error) {
	return p.c.Email(ctx, id)
}

func (p client) MoveEmail(ctx context.Context, id, from, to string) error {
	return p.c.MoveEmail(ctx, id, from, to)
}

// patch changes fields of an email.
func (p client) patch(ctx context.Context, o Object, body json.RawMessage) error {
	s, err := genesys.Decode[routing.EmailSettings](body)
	if err != nil {
		return err
	}
	return p.c.PatchWaitingEmail(ctx, o.ID, o.Fields, s)
}

func noSuch(verb string, o Object) error { return fmt.Errorf("a %s cannot be %s", o.Kind, verb) }

func (p client) Find(ctx context.Context, kind plan.Kind, name string) (Object, error) {
	if kind == plan.Queue {
		for raw, err := range p.c.Queues(ctx, name) {
			if err != nil {
				return Object{}, err
			}
			if q, err := genesys.DecodeQueue(raw); err != nil || q.Name == name {
				return Object{Kind: kind, ID: q.ID}, err
			}
		}
		return Object{}, nil
	}
	local, domain, _ := strings.Cut(name, "@")
	for raw, err := range p.c.Routes(ctx, domain, local) {
		if err != nil {
			return Object{}, err
		}
		if r, err := genesys.DecodeRoute(domain, raw); err != nil || r.Address.String() == name {
			return Object{Kind: kind, ID: r.ID, Domain: domain}, err
		}
	}
	return Object{}, nil
}

func (p client) Routes(ctx context.Context) ([]routing.EmailRoute, error) {
	org, err := p.c.ReadOrg(ctx, genesys.Scope{AllRoutes: true})
	return org.Routes, err
}

func (p client) Members(ctx context.Context, queueID string) ([]routing.Member, error) {
	members := []routing.Member{}
	for m, err := range p.c.Members(ctx, queueID) {
		if err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	return members, nil
}

func (p client) SetMembers(ctx context.Context, queueID string, verb plan.Verb, agents []string, ring int) error {
	switch verb {
	case plan.Join:
		return p.c.AddMembers(ctx, queueID, agents)
	case plan.Leave:
		return p.c.RemoveMembers(ctx, queueID, agents)
	case plan.Move:
		return p.c.MoveMembers(ctx, queueID, agents, ring)
	case plan.Create, plan.Update, plan.Delete:
	}
	return fmt.Errorf("members of queue %s: they cannot be %s", queueID, verb)
}

func (p client) Deactivate(ctx context.Context, queueID string, agents []string) error {
	return p.c.DeactivateMembers(ctx, queueID, agents)
}
