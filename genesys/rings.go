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

// restoreRings puts back how many rings there were, and of each the wait, the
// skills and the groups. Where there were no rings, or there are none now, the
// whole of bullseye comes back as it was.
func restoreRings(o, was object) error {
	before, err := get(was, ringsPath)
	if err != nil {
		return err
	}
	now, err := get(o, ringsPath)
	if err != nil {
		return err
	}
	rings, err := openList(before)
	if err != nil {
		return err
	}
	have, err := openList(now)
	if err != nil {
		return err
	}
	switch {
	case len(rings) == 0, isNothing(o["bullseye"]):
		return putBack(o, was, ringsPath[:1])
	case len(have) == 0:
		return putBack(o, was, ringsPath)
	}
	for i := range min(len(rings), len(have)) {
		if rings[i], err = restoreRing(have[i], rings[i]); err != nil {
			return fmt.Errorf("ring %d: %w", i+1, err)
		}
	}
	return set(o, ringsPath, rings)
}

func restoreRing(now, before json.RawMessage) (json.RawMessage, error) {
	o, err := open(now)
	if err != nil || o == nil {
		return before, err
	}
	was, err := open(before)
	if err != nil {
		return nil, err
	}
	if was == nil {
		was = object{}
	}
	if err := restoreWait(o, was); err != nil {
		return nil, err
	}
	for _, p := range []path{dropPath, groupsPath} {
		if err := restoreByID(o, was, p); err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
	}
	return encode(o)
}

// restoreWait puts the timeout criteria back and leaves those of other kinds.
func restoreWait(o, was object) error {
	const key = "expansionCriteria"
	before, err := openList(was[key])
	if err != nil {
		return err
	}
	now, err := openList(o[key])
	if err != nil {
		return err
	}
	isTimeout := func(raw json.RawMessage) bool {
		c, err := open(raw)
		return err == nil && text(c["type"]) == timeoutCriterion
	}
	out := slices.DeleteFunc(slices.Clone(now), isTimeout)
	live := slices.DeleteFunc(now, func(raw json.RawMessage) bool { return !isTimeout(raw) })
	for i, c := range before {
		if !isTimeout(c) {
			continue
		}
		if len(live) > 0 { // what else is in it is not ours
			if c, err = withValue(live[0], c, "threshold"); err != nil {
				return err
			}
			live = live[1:]
		}
		out = slices.Insert(out, min(i, len(out)), c)
	}
	if len(out) == 0 && len(before) == 0 {
		return putBack(o, was, path{key}) // null, empty or absent
	}
	o[key], err = encode(out)
	return err
}

// withValue is the object with one value as it is in another.
func withValue(raw, from json.RawMessage, key string) (json.RawMessage, error) {
	o, err := open(raw)
	if err != nil {
		return nil, err
	}
	was, err := open(from)
	if err != nil {
		return nil, err
	}
	if err := putBack(o, was, path{key}); err != nil {
		return nil, err
	}
	return encode(o)
}

// restoreByID puts an array back, with the elements that are there now where
// their ids are the same.
func restoreByID(o, was object, p path) error {
	now, err := get(o, p)
	if err != nil {
		return err
	}
	have, err := openList(now)
	if err != nil {
		return err
	}
	if err := putBack(o, was, p); err != nil {
		return err
	}
	before, err := get(o, p)
	if err != nil || isNothing(before) {
		return err
	}
	elements, err := openList(before)
	if err != nil {
		return err
	}
	for i, e := range elements {
		for _, h := range have {
			if id := idOf(h); id != "" && id == idOf(e) {
				elements[i] = h
			}
		}
	}
	return set(o, p, elements)
}

func idOf(raw json.RawMessage) string {
	o, err := open(raw)
	if err != nil {
		return ""
	}
	return text(o["id"])
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
