package ledger_test

import (
	"bytes"
	"encoding/json"
)

// jsonOf writes values one after the other, a line each.
func jsonOf[T any](values ...T) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	for _, v := range values {
		if err := enc.Encode(v); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}
