package genesys

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/foresort/foresort/routing"
)

// Utilization reads what the organisation's agents may hold at once who have no
// utilization of their own, as the platform sends it.
func (c *Client) Utilization(ctx context.Context) (json.RawMessage, error) {
	return c.do(ctx, GetRoutingUtilization, nil, nil, nil)
}

// UserUtilization reads how much a user may hold at once, as the platform sends
// it. Its level says whether it is the user's own or the organisation's
// (docs/platform-notes.md#utilization).
func (c *Client) UserUtilization(ctx context.Context, userID string) (json.RawMessage, error) {
	return c.do(ctx, GetRoutingUserUtilization, []string{userID}, nil, nil)
}

// PutUserUtilization gives a user a utilization of their own. It replaces the
// whole: a media type that is left out goes back to its default.
func (c *Client) PutUserUtilization(ctx context.Context, userID string, raw json.RawMessage) (json.RawMessage, error) {
	body, err := WritableUtilization(raw)
	if err != nil {
		return nil, fmt.Errorf("utilization of user %s: %w", userID, err)
	}
	return c.do(ctx, PutRoutingUserUtilization, []string{userID}, nil, body)
}

// DeleteUserUtilization puts a user back to the organisation's utilization.
func (c *Client) DeleteUserUtilization(ctx context.Context, userID string) error {
	_, err := c.do(ctx, DeleteRoutingUserUtilization, []string{userID}, nil, nil)
	return err
}

// WritableUtilization drops what is only in answers: the level, and the names
// of labels.
func WritableUtilization(raw json.RawMessage) (json.RawMessage, error) {
	o, err := open(raw)
	if err != nil {
		return nil, err
	}
	delete(o, "level")
	labels, err := open(o["labelUtilizations"])
	if err != nil {
		return nil, fmt.Errorf("labelUtilizations: %w", err)
	}
	for id := range labels {
		if labels[id], err = without(labels[id], "labelName"); err != nil {
			return nil, fmt.Errorf("labelUtilizations.%s: %w", id, err)
		}
	}
	if labels != nil {
		if o["labelUtilizations"], err = encode(labels); err != nil {
			return nil, err
		}
	}
	return encode(o)
}

// DecodeUtilization reads a utilization, a user's or the organisation's, as the
// platform sends it.
func DecodeUtilization(raw json.RawMessage) (routing.Utilization, error) {
	o, err := open(raw)
	if err != nil {
		return routing.Utilization{}, err
	}
	u := routing.Utilization{Own: text(o["level"]) == "Agent"}
	// Under email stands what interrupts email, not what email interrupts
	// (docs/platform-notes.md#utilization).
	media, _ := get(o, path{"utilization", "email", "interruptableMediaTypes"})
	_ = json.Unmarshal(media, &u.Interrupts) // a shape that is not known says nothing
	u.Settings, err = Decode[routing.UtilizationSettings](raw)
	return u, err
}
