package ledger

import (
	"context"
	"fmt"

	"github.com/foresort/foresort/internal/store"
)

// Orgs lists the organisations that have a ledger in a store, or had one.
func Orgs(ctx context.Context, s *store.Store) ([]string, error) {
	var orgs []string
	err := s.Read().NewRaw("SELECT org FROM ledger_heads UNION SELECT org FROM ledger UNION SELECT org FROM ledger_checkpoints ORDER BY org").Scan(ctx, &orgs)
	if err != nil {
		return nil, fmt.Errorf("list the organisations of the ledger: %w", err)
	}
	return orgs, nil
}
