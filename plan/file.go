package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ErrEdited says that a plan is not the one that was sealed.
var ErrEdited = errors.New("the plan was changed after it was made; make a new one with `foresort plan --out FILE`")

// Seal returns the plan with its fingerprint.
func (p Plan) Seal() Plan {
	if p.Checked != nil {
		p.Version = formatChecked
	}
	p.Fingerprint = p.fingerprint()
	return p
}

// Verify returns ErrEdited for a plan that does not carry its own fingerprint.
func (p Plan) Verify() error {
	if p.Fingerprint == "" || p.Fingerprint != p.fingerprint() {
		return ErrEdited
	}
	return nil
}

// fingerprint hashes the plan's JSON form without the fingerprint. The JSON of
// a struct has its keys in one order, so equal plans have equal fingerprints.
func (p Plan) fingerprint() string {
	p.Fingerprint = ""
	b, err := json.Marshal(p)
	if err != nil {
		return "" // a snapshot that is no JSON, or a number that is none; Verify refuses it too
	}
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Write saves a sealed plan as indented JSON.
func Write(w io.Writer, p Plan) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(p); err != nil {
		return fmt.Errorf("write plan of strategy %s: %w", p.Strategy, err)
	}
	return nil
}

// maxFile is more than the largest plan needs: 64 MiB.
const maxFile = 64 << 20

// Read reads a saved plan and refuses what is no plan, a plan of a newer
// version, and one that was edited.
func Read(r io.Reader) (Plan, error) {
	src, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return Plan{}, fmt.Errorf("read plan: %w", err)
	}
	if len(src) > maxFile {
		return Plan{}, errors.New("read plan: the file is larger than any plan (64 MiB)")
	}
	var head struct {
		Version     *int    `json:"version"`
		Fingerprint *string `json:"fingerprint"`
	}
	switch err := json.Unmarshal(src, &head); {
	case len(bytes.TrimSpace(src)) == 0:
		return Plan{}, errors.New("read plan: the file is empty")
	case err != nil && !json.Valid(src):
		return Plan{}, errors.New("read plan: the file is not JSON; a plan is what `foresort plan --out FILE` saves")
	case err != nil || head.Version == nil || head.Fingerprint == nil:
		return Plan{}, errors.New("read plan: the file is JSON but not a plan; a plan is what `foresort plan --out FILE` saves")
	case *head.Version > Format:
		return Plan{}, fmt.Errorf("read plan: the plan has format version %d and this Foresort knows up to %d; use a newer Foresort", *head.Version, Format)
	case *head.Version < 1:
		return Plan{}, fmt.Errorf("read plan: there is no format version %d", *head.Version)
	}
	dec := json.NewDecoder(bytes.NewReader(src))
	dec.DisallowUnknownFields()
	var p Plan
	if err := dec.Decode(&p); err != nil {
		return Plan{}, fmt.Errorf("read plan: %w (%w)", ErrEdited, err)
	}
	if dec.More() {
		return Plan{}, fmt.Errorf("read plan: %w (something follows it)", ErrEdited)
	}
	if err := p.Verify(); err != nil {
		return Plan{}, fmt.Errorf("read plan: %w", err)
	}
	if err := p.complete(); err != nil {
		return Plan{}, fmt.Errorf("read plan: %w", err)
	}
	return p, nil
}

// complete says whether every change carries what its kind needs, so that
// nobody who carries the plan out meets a nil.
func (p Plan) complete() error {
	for _, c := range p.Changes {
		ok := false
		switch c.Kind {
		case Queue:
			ok = c.Queue != nil
		case Route:
			ok = c.Route != nil
		case Member:
			ok = c.Members != nil && (c.Verb == Join || c.Verb == Leave || c.Verb == Move && len(c.Members.From) == len(c.Members.Agents))
		case Utilization:
			ok = c.Utilization != nil
		case Email:
			ok = c.Waits.ID != "" && (c.Email != nil || c.Verb == Move && c.Transfer != nil && c.Transfer.To.ID != "")
		}
		if !ok {
			return fmt.Errorf("change %d (%s %s) says too little to be carried out", c.ID, c.Verb, c.Kind)
		}
	}
	return nil
}
