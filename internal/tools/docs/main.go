// Command docs writes the documents that are made from the code: the commands
// and the settings.
package main

import (
	"flag"
	"log"

	"github.com/foresort/foresort/internal/cli"
)

func main() {
	dir := flag.String("dir", "docs", "the folder to write to")
	flag.Parse()
	if err := cli.WriteDocs(*dir); err != nil {
		log.Fatal(err)
	}
}
