package genesys

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"slices"

	"github.com/foresort/foresort/routing"
)

// Queue reads a queue by its id, as the platform sends it.
func (c *Client) Queue(ctx context.Context, id string) (json.RawMessage, error) {
	return c.do(ctx, GetRoutingQueue, []string{id}, nil, nil)
}

// PutQueue writes a whole queue: what is left out is cleared, for a queue has no
// PATCH (docs/platform-notes.md#queues-have-no-patch). raw is a queue as it was
// read with the owned fields laid over it; its read-only fields are dropped here.
func (c *Client) PutQueue(ctx context.Context, id string, raw json.RawMessage) (json.RawMessage, error) {
	body, err := WritableQueue(raw)
	if err != nil {
		return nil, fmt.Errorf("queue %s: %w", id, err)
	}
	return c.do(ctx, PutRoutingQueue, []string{id}, nil, body)
}

// CreateQueue makes a queue; raw needs a name.
func (c *Client) CreateQueue(ctx context.Context, raw json.RawMessage) (json.RawMessage, error) {
	body, err := WritableQueue(raw)
	if err != nil {
		return nil, fmt.Errorf("new queue: %w", err)
	}
	return c.do(ctx, PostRoutingQueues, nil, nil, body)
}

// DeleteQueue deletes a queue that has no conversations.
func (c *Client) DeleteQueue(ctx context.Context, id string) error {
	_, err := c.do(ctx, DeleteRoutingQueue, []string{id}, nil, nil)
	return err
}

// Queues lists the queues whose name matches, all with an empty name. The
// platform's name filter finds more than the exact name. Queues with a peer are
// left out by the platform unless they are asked for
// (docs/platform-notes.md#queues-with-a-peer), so they come last.
func (c *Client) Queues(ctx context.Context, name string) iter.Seq2[json.RawMessage, error] {
	query := url.Values{"sortOrder": {"asc"}}
	if name != "" {
		query.Set("name", name)
	}
	return func(yield func(json.RawMessage, error) bool) {
		seen := map[string]bool{}
		for _, q := range []url.Values{query, with(query, "hasPeer", "true")} {
			for raw, err := range numbered[json.RawMessage](ctx, c, GetRoutingQueues, nil, q) {
				id := ""
				if err == nil {
					var o object
					o, err = open(raw)
					id = text(o["id"])
				}
				if id != "" && seen[id] {
					continue
				}
				seen[id] = true
				if !yield(raw, err) || err != nil {
					return
				}
			}
		}
	}
}

// WritableQueue drops what the platform alone writes in a queue.
func WritableQueue(raw json.RawMessage) (json.RawMessage, error) {
	return without(raw, "id", "memberCount", "userMemberCount", "joinedMemberCount", "selfUri",
		"dateCreated", "dateModified", "modifiedBy", "createdBy")
}

// DecodeQueue reads a queue as the platform sends it; its members are not in it.
func DecodeQueue(raw json.RawMessage) (routing.Queue, error) {
	o, err := open(raw)
	if err != nil {
		return routing.Queue{}, err
	}
	q := routing.Queue{Ref: routing.Ref{ID: text(o["id"]), Name: text(o["name"])}}
	if q.Division, err = readRef(o["division"]); err != nil {
		return q, fmt.Errorf("queue %s: division: %w", q.Ref, err)
	}
	n, err := integer(o, path{"memberCount"})
	if err != nil {
		return q, fmt.Errorf("queue %s: %w", q.Ref, err)
	}
	if n != nil {
		q.MemberCount = *n
	}
	if q.Settings, err = Decode[routing.QueueSettings](raw); err != nil {
		return q, fmt.Errorf("queue %s: %w", q.Ref, err)
	}
	q.Other = readOther(o)
	return q, nil
}

// readOther reads what a queue has beside its settings. A shape that is not known
// is no reason not to read the queue: it counts as absent.
func readOther(o object) (other routing.QueueOther) {
	rules, _ := openList(o["routingRules"])
	other.PreferredAgents = len(rules) > 0
	other.DirectRouting = routedDirectly(o["directRouting"])
	for _, rule := range listIn(o["conditionalGroupRouting"], "rules") {
		other.GroupRouting = addMetric(other.GroupRouting, rule)
	}
	activation, _ := open(o["conditionalGroupActivation"])
	for _, rule := range append([]json.RawMessage{activation["pilotRule"]}, listIn(o["conditionalGroupActivation"], "rules")...) {
		for _, condition := range listIn(rule, "conditions") {
			o, _ := open(condition)
			other.GroupActivation = addMetric(other.GroupActivation, o["simpleMetric"])
		}
	}
	if flow, err := readRef(o["emailInQueueFlow"]); err == nil && flow != (routing.Ref{}) {
		other.InQueueFlow = &flow
	}
	return other
}

// routedDirectly says whether direct routing takes email. It is on where it has
// settings at all, for the media of which it has settings; where it names no
// medium, for all.
func routedDirectly(raw json.RawMessage) bool {
	o, _ := open(raw)
	maps.DeleteFunc(o, func(_ string, v json.RawMessage) bool { return isNothing(v) })
	_, call := o["callMediaSettings"]
	_, message := o["messageMediaSettings"]
	_, email := o["emailMediaSettings"]
	return email || len(o) > 0 && !call && !message
}

// listIn is the list at a key of an object; nil where there is none.
func listIn(raw json.RawMessage, key string) []json.RawMessage {
	o, _ := open(raw)
	list, _ := openList(o[key])
	return list
}

// addMetric adds the metric of a rule, each once. A rule without one is a rule
// all the same.
func addMetric(metrics []string, rule json.RawMessage) []string {
	o, _ := open(rule)
	metric := cmp.Or(text(o["metric"]), "unknown")
	if slices.Contains(metrics, metric) {
		return metrics
	}
	return append(metrics, metric)
}

// findQueue reads the queue of exactly this name; nil where there is none. The
// list can hold less of a queue than a read by id.
func (c *Client) findQueue(ctx context.Context, name string) (*routing.Queue, error) {
	for raw, err := range c.Queues(ctx, name) {
		if err != nil {
			return nil, err
		}
		o, err := open(raw)
		if err != nil {
			return nil, err
		}
		if text(o["name"]) != name {
			continue
		}
		if isNothing(o["mediaSettings"]) || isNothing(o["acwSettings"]) {
			if raw, err = c.Queue(ctx, text(o["id"])); err != nil {
				return nil, err
			}
		}
		q, err := DecodeQueue(raw)
		return &q, err
	}
	return nil, nil
}
