package genesys

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/foresort/foresort/routing"
)

// This file is the wire form of bullseye rings, the one owned field that is an
// array of objects.

// timeoutCriterion is the one kind of expansion that there is; its threshold is
// in seconds, fractions allowed (docs/platform-notes.md#bullseye).
const timeoutCriterion = "TIMEOUT_SECONDS"

var (
	ringsPath  = path{"bullseye", "rings"}
	dropPath   = path{"actions", "skillsToRemove"}
	groupsPath = path{"memberGroups"}
)

func readRings(o object, into **routing.Rings) error {
	raw, err := get(o, ringsPath)
	if err != nil || isNothing(raw) {
		return err
	}
	elements, err := openList(raw)
	if err != nil {
		return err
	}
	rings := make(routing.Rings, len(elements))
	for i, e := range elements {
		o, err := open(e)
		if err == nil {
			rings[i], err = readRing(o)
		}
		if err != nil {
			return fmt.Errorf("ring %d: %w", i+1, err)
		}
	}
	*into = &rings
	return nil
}

func readRing(o object) (ring routing.Ring, err error) {
	criteria, err := openList(o["expansionCriteria"])
	if err != nil {
		return ring, fmt.Errorf("expansionCriteria: %w", err)
	}
	for _, c := range criteria {
		criterion, err := open(c)
		if err != nil {
			return ring, fmt.Errorf("expansionCriteria: %w", err)
		}
		if text(criterion["type"]) == timeoutCriterion && ring.Wait == nil {
			if ring.Wait, err = duration(criterion, path{"threshold"}, time.Second); err != nil {
				return ring, err
			}
		}
	}
	drop, err := get(o, dropPath)
	if err != nil {
		return ring, err
	}
	if ring.Drop, err = readRefs(drop); err != nil {
		return ring, fmt.Errorf("skillsToRemove: %w", err)
	}
	if ring.Groups, err = readGroups(o["memberGroups"]); err != nil {
		return ring, fmt.Errorf("memberGroups: %w", err)
	}
	return ring, nil
}

// writeRings lays each ring over the one that is at its place now. A part of a
// ring that already means what is wanted is not touched.
func writeRings(o object, rings routing.Rings) error {
	if len(rings) == 0 {
		delete(o, "bullseye")
		return nil
	}
	return edit(o, ringsPath, func(old json.RawMessage) (json.RawMessage, error) {
		have, err := openList(old)
		if err != nil {
			return nil, err
		}
		out := make([]json.RawMessage, len(rings))
		for i, want := range rings {
			element := object{}
			if i < len(have) && !isNothing(have[i]) {
				if element, err = open(have[i]); err != nil {
					return nil, fmt.Errorf("ring %d: %w", i+1, err)
				}
			}
			if err := writeRing(element, want); err != nil {
				return nil, fmt.Errorf("ring %d: %w", i+1, err)
			}
			if out[i], err = encode(element); err != nil {
				return nil, err
			}
		}
		return encode(out)
	})
}

func writeRing(o object, want routing.Ring) error {
	have, err := readRing(o)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(want.Wait, have.Wait) {
		if err := edit(o, path{"expansionCriteria"}, func(old json.RawMessage) (json.RawMessage, error) { return writeWait(old, want.Wait) }); err != nil {
			return err
		}
	}
	if !sameIDs(want.Drop, have.Drop, func(r routing.Ref) string { return r.ID }) {
		if err := edit(o, dropPath, func(old json.RawMessage) (json.RawMessage, error) { return writeRefs(old, want.Drop) }); err != nil {
			return err
		}
	}
	if !sameIDs(want.Groups, have.Groups, func(g routing.Group) string { return g.ID }) {
		return edit(o, groupsPath, func(old json.RawMessage) (json.RawMessage, error) { return writeGroups(old, want.Groups) })
	}
	return nil
}

// writeWait sets the threshold of the first timeout criterion, or adds one, or
// removes them all.
func writeWait(old json.RawMessage, wait *routing.Duration) (json.RawMessage, error) {
	criteria, err := openList(old)
	if err != nil {
		return nil, err
	}
	out, done := []json.RawMessage{}, wait == nil
	for _, c := range criteria {
		criterion, err := open(c)
		if err != nil {
			return nil, err
		}
		if text(criterion["type"]) == timeoutCriterion {
			if wait == nil {
				continue
			}
			if !done {
				criterion["threshold"], done = seconds(*wait), true
				if c, err = encode(criterion); err != nil {
					return nil, err
				}
			}
		}
		out = append(out, c)
	}
	if !done {
		c, err := encode(map[string]any{"type": timeoutCriterion, "threshold": seconds(*wait)})
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, nil
	}
	return encode(out)
}

// seconds writes 7200 and 0.5, never 7.2e+03.
func seconds(d routing.Duration) json.RawMessage {
	return json.RawMessage(strconv.FormatFloat(time.Duration(d).Seconds(), 'f', -1, 64))
}

func sameIDs[T any](a, b []T, id func(T) string) bool {
	set := func(items []T) []string {
		ids := []string{}
		for _, it := range items {
			ids = append(ids, id(it))
		}
		slices.Sort(ids)
		return slices.Compact(ids)
	}
	return slices.Equal(set(a), set(b))
}
