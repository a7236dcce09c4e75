// Command foresort runs email routing on Genesys Cloud from a strategy file.
package main

import (
	"os"

	"github.com/foresort/foresort/internal/cli"
)

func main() { os.Exit(cli.Main()) }
