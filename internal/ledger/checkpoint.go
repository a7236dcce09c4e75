package ledger

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/uptrace/bun"

	"github.com/foresort/foresort/internal/store"
)

// This file signs the chain. A checkpoint that is kept elsewhere proves it even
// to whoever could write to the database.

// Checkpoint says, signed, what the chain was up to an entry.
type Checkpoint struct {
	Org  string    `json:"org"`
	Seq  int64     `json:"seq"`
	Hash string    `json:"hash"` // of the entry Seq
	At   time.Time `json:"at"`
	// Marks are the beginnings of the hashes of the entries since the checkpoint
	// before, the last one Seq's: with them the first entry that was changed is
	// known even where every hash after it was made anew.
	Marks     []string `json:"marks"`
	Key       string   `json:"key"`       // public, base64
	Signature string   `json:"signature"` // ed25519 over the JSON without it, base64
}

// mark is how much of a hash a checkpoint holds for each entry.
const mark = 16

// signed is what is signed.
func (c Checkpoint) signed() ([]byte, error) {
	c.Signature = ""
	return json.Marshal(c)
}

// Check says whether a checkpoint is as it was signed.
func (c Checkpoint) Check() error {
	key, errKey := base64.StdEncoding.DecodeString(c.Key)
	signature, errSignature := base64.StdEncoding.DecodeString(c.Signature)
	b, err := c.signed()
	if errors.Join(errKey, errSignature, err) != nil || len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, b, signature) {
		return fmt.Errorf("the checkpoint at entry %d is not as it was signed", c.Seq)
	}
	return nil
}

// Key signs checkpoints.
type Key struct{ private ed25519.PrivateKey }

// Public is the public key, as checkpoints carry it.
func (k Key) Public() string {
	return base64.StdEncoding.EncodeToString(k.private.Public().(ed25519.PublicKey))
}

// Fingerprint is a short form of a public key for people to compare.
func Fingerprint(public string) string {
	sum := sha256.Sum256([]byte(public))
	return hex.EncodeToString(sum[:8])
}

// LoadKey reads the key of a file, and makes it where there is none.
func LoadKey(path string) (Key, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(path)
	}
	if err != nil {
		return Key{}, fmt.Errorf("read the ledger's key: %w", err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return Key{}, fmt.Errorf("read the ledger's key: %s is not a key in PEM; restore it, or move it away and a new one is made", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return Key{}, fmt.Errorf("read the ledger's key: %s is not a private key of ed25519; restore it, or move it away and a new one is made", path)
	}
	return Key{private}, nil
}

func makeKey(path string) (Key, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Key{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return Key{}, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Key{}, fmt.Errorf("make the ledger's key: %w", err)
	}
	// Written whole beside it and then linked: of two processes one wins.
	tmp, err := os.CreateTemp(filepath.Dir(path), ".key-")
	if err != nil {
		return Key{}, fmt.Errorf("make the ledger's key: %w", err)
	}
	defer os.Remove(tmp.Name())
	err = pem.Encode(tmp, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err == nil {
		err = os.Link(tmp.Name(), path)
	}
	if errors.Is(err, fs.ErrExist) {
		return LoadKey(path)
	}
	if err != nil {
		return Key{}, fmt.Errorf("make the ledger's key: %w", err)
	}
	return Key{private}, nil
}

type checkpointRow struct {
	bun.BaseModel `bun:"table:ledger_checkpoints,alias:c"`
	Org           string `bun:",pk"`
	Seq           int64  `bun:",pk"`
	Body          string
}

// Sign makes a checkpoint of the newest entry and keeps it beside the ledger;
// nil where there is one already, or no entry.
func (l *Ledger) Sign(ctx context.Context, key Key) (*Checkpoint, error) {
	var made *Checkpoint
	err := l.store.WithTx(ctx, func(ctx context.Context, tx store.Tx) error {
		last, err := l.head(ctx, tx)
		if err != nil {
			return err
		}
		var since int64
		if err := tx.NewSelect().Model((*checkpointRow)(nil)).ColumnExpr("COALESCE(MAX(seq), 0)").Where("org = ?", l.org).Scan(ctx, &since); err != nil {
			return err
		}
		if last.Seq <= since {
			return nil
		}
		var hashes []string
		if err := tx.NewSelect().Model((*row)(nil)).Column("hash").Where("org = ?", l.org).Where("seq > ?", since).Order("seq").Scan(ctx, &hashes); err != nil {
			return err
		}
		c := Checkpoint{Org: l.org, Seq: last.Seq, Hash: last.Hash, At: l.now().UTC().Truncate(time.Millisecond), Key: key.Public()}
		for _, h := range hashes {
			c.Marks = append(c.Marks, h[:min(mark, len(h))])
		}
		b, err := c.signed()
		if err != nil {
			return err
		}
		c.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(key.private, b))
		if b, err = json.Marshal(c); err != nil {
			return err
		}
		if _, err := tx.NewInsert().Model(&checkpointRow{Org: l.org, Seq: c.Seq, Body: string(b)}).Exec(ctx); err != nil {
			return err
		}
		made = &c
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("sign the ledger: %w", err)
	}
	return made, nil
}

// Checkpoints lists the checkpoints beside the ledger, oldest first.
func (l *Ledger) Checkpoints(ctx context.Context) ([]Checkpoint, error) {
	return l.checkpoints(ctx, l.store.Read())
}

func (l *Ledger) checkpoints(ctx context.Context, db bun.IDB) ([]Checkpoint, error) {
	var rows []checkpointRow
	if err := db.NewSelect().Model(&rows).Where("org = ?", l.org).Order("seq").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read the checkpoints: %w", err)
	}
	out := make([]Checkpoint, len(rows))
	for i, r := range rows {
		if err := json.Unmarshal([]byte(r.Body), &out[i]); err != nil {
			out[i] = Checkpoint{Org: l.org, Seq: r.Seq} // it will not check
		}
	}
	return out, nil
}

// ReadCheckpoints reads checkpoints that were kept elsewhere, one JSON object
// after the other.
func ReadCheckpoints(b []byte) ([]Checkpoint, error) {
	var out []Checkpoint
	dec := json.NewDecoder(bytes.NewReader(b))
	for dec.More() {
		var c Checkpoint
		if err := dec.Decode(&c); err != nil {
			return nil, fmt.Errorf("read checkpoints: the %dth is none: %w", len(out)+1, err)
		}
		out = append(out, c)
	}
	return out, nil
}

// Keep adds a checkpoint to a file of them.
func (c Checkpoint) Keep(path string) error {
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}
