//go:build ignore

// Gen writes the files that are made of the types of the scenario file: its
// JSON Schema and its reference page.
package main

import (
	"log"
	"os"

	"github.com/foresort/foresort/scenario"
)

func main() {
	for file, text := range map[string][]byte{"schema.json": scenario.Schema(), "../docs/scenario-reference.md": scenario.Reference()} {
		if err := os.WriteFile(file, text, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
