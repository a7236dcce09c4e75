package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/plan"
	"github.com/foresort/foresort/routing"
)

// members lets agents join, leave or move. What holds already for an agent is
// not done again; a member through a group is left alone.
func (s *step) members(ctx context.Context) error {
	if s.c.Object.ID == "" {
		return &GoneError{Kind: plan.Queue, Object: s.c.Object}
	}
	for attempt := 1; ; attempt++ {
		have, err := s.readMembers(ctx, attempt > 1 || s.resumed || s.again)
		if errors.Is(err, genesys.ErrNotFound) {
			return &GoneError{Kind: plan.Queue, Object: s.c.Object}
		}
		if err != nil {
			return fmt.Errorf("read the members before the write: %w", err)
		}
		todo, moved := s.todo(have)
		if len(moved) > 0 && !s.undoing {
			return &MovedError{Kind: plan.Queue, Object: s.c.Object, Fields: moved}
		}
		s.left = moved
		if nobody(todo) {
			if len(moved) > 0 {
				return &MovedError{Kind: plan.Queue, Object: s.c.Object, Fields: moved, Undo: true}
			}
			return nil
		}
		if err := s.intend(nil, &todo); err != nil {
			return err
		}
		err = s.setMembers(ctx, todo)
		if err == nil {
			s.wrote = true
			s.remember(have, todo)
			return nil
		}
		if !isUncertain(err) {
			s.partly(ctx, have)
			return err
		}
		s.wrote = true
		holds, look := s.settled(ctx, func(ctx context.Context) (bool, error) {
			have, err := s.readMembers(ctx, true)
			if err != nil {
				return false, err
			}
			todo, _ := s.todo(have)
			return nobody(todo), nil
		})
		switch {
		case holds:
			return nil
		case look != nil || attempt > 1:
			return &UnknownError{Headline: s.c.Headline(), Err: errors.Join(err, look)}
		}
	}
}

// partly finds out whether a call that was refused has done a part all the
// same: agents move one by one, and are deactivated after they have joined. Then the result must count as a change.
func (s *step) partly(ctx context.Context, before map[string]routing.Member) {
	if s.c.Verb != plan.Move && len(s.c.Members.Inactive) == 0 {
		return
	}
	have, err := s.readMembers(ctx, true)
	if err != nil {
		s.wrote = true
		return
	}
	for id, m := range have {
		s.wrote = s.wrote || before[id].Ring != m.Ring // 0: no member before
	}
}

// todo is the change without those for whom it holds, and who is in a ring
// that the plan does not know of.
func (s *step) todo(have map[string]routing.Member) (todo plan.MemberChange, moved []Mismatch) {
	m := s.c.Members
	todo.Ring = m.Ring
	for i, a := range m.Agents {
		now, is := have[a.ID]
		is = is && !now.ByGroup
		switch s.c.Verb {
		case plan.Join:
			now, anyhow := have[a.ID]
			if !anyhow {
				todo.Agents = append(todo.Agents, a)
			}
			// Who was let in by somebody else is theirs to deactivate.
			if slices.Contains(m.Inactive, a.ID) && (!anyhow || now.Joined && s.letIn(a)) {
				todo.Inactive = append(todo.Inactive, a.ID)
			}
		case plan.Leave:
			if is {
				todo.Agents, todo.From = append(todo.Agents, a), append(todo.From, now.Ring)
				if !now.Joined {
					todo.Inactive = append(todo.Inactive, a.ID)
				}
			}
		case plan.Move:
			switch {
			case !is || now.Ring == m.Ring:
			case now.Ring != m.From[i]:
				moved = append(moved, Mismatch{Field: "members", Want: fmt.Sprintf("%s in ring %d", a, m.From[i]), Seen: fmt.Sprintf("%s in ring %d", a, now.Ring)})
			default:
				todo.Agents, todo.From = append(todo.Agents, a), append(todo.From, now.Ring)
			}
		case plan.Create, plan.Update, plan.Delete: // not about members
		}
	}
	return todo, moved
}

func nobody(m plan.MemberChange) bool { return len(m.Agents) == 0 && len(m.Inactive) == 0 }

// letIn says whether an earlier attempt of this change was about the agent.
func (s *step) letIn(a routing.Ref) bool {
	in, begun := s.phase.Intents[s.c.ID]
	return begun && in.Members != nil && slices.Contains(in.Members.Agents, a)
}

// readMembers reads the members once for all changes of one queue in a row:
// they can be thousands, a page for each hundred. Reads lag: it reads until it
// sees what this run wrote before, and lays later writes over what it read.
func (s *step) readMembers(ctx context.Context, again bool) (map[string]routing.Member, error) {
	t := s.ensure(s.c)
	if t.members != nil && !again {
		return t.members, nil
	}
	var before *target
	if s.earlier != nil {
		before = s.earlier.target(s.c.Kind, s.c.Object)
	}
	var list []routing.Member
	for start, pause := time.Now(), s.Wait.Every/4; ; pause = grow(pause, s.Wait.Every*2) {
		err := s.untilThere(ctx, plan.Queue, func() (err error) {
			list, err = s.Platform.Members(ctx, s.c.Object.ID)
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(t.misplaced(list)) == 0 && (before == nil || len(before.misplaced(list)) == 0) || time.Since(start) >= s.Wait.Replication {
			break
		}
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
	t.members = make(map[string]routing.Member, len(list))
	for _, m := range list {
		t.members[m.ID] = m
	}
	return t.members, nil
}

func (s *step) remember(have map[string]routing.Member, done plan.MemberChange) {
	for _, a := range done.Agents {
		switch s.c.Verb {
		case plan.Join:
			have[a.ID] = routing.Member{Ref: a, Ring: 1, Joined: !slices.Contains(done.Inactive, a.ID)}
		case plan.Leave:
			delete(have, a.ID)
		case plan.Move:
			m := have[a.ID]
			m.Ring = done.Ring
			have[a.ID] = m
		case plan.Create, plan.Update, plan.Delete:
		}
	}
}

// setMembers writes. Neither a queue that was just created nor a member who has
// just joined is known everywhere at once, so a move that finds nobody is tried
// again (docs/platform-notes.md#replication).
func (s *step) setMembers(ctx context.Context, m plan.MemberChange) error {
	ids := make([]string, len(m.Agents))
	for i, a := range m.Agents {
		ids[i] = a.ID
	}
	if len(ids) > 0 {
		err := s.untilKnown(ctx, s.c.Verb == plan.Move, func() error {
			return s.Platform.SetMembers(ctx, s.c.Object.ID, s.c.Verb, ids, m.Ring)
		})
		if err != nil {
			return err
		}
	}
	if s.c.Verb != plan.Join || len(m.Inactive) == 0 {
		return nil
	}
	return s.untilKnown(ctx, true, func() error { return s.Platform.Deactivate(ctx, s.c.Object.ID, m.Inactive) })
}

// untilKnown repeats what finds nobody, where it is about members.
func (s *step) untilKnown(ctx context.Context, members bool, do func() error) error {
	for try, pause := 1, s.Wait.Every/4; ; try, pause = try+1, grow(pause, s.Wait.Every*2) {
		err := s.untilThere(ctx, plan.Queue, do)
		if !members || !errors.Is(err, genesys.ErrNotFound) || try == 10 {
			return err
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}
