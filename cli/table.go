package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// A table is rows below a heading, in columns that are two spaces apart.
type table struct{ rows [][]string }

func newTable(heading ...string) *table { return &table{[][]string{heading}} }

func (t *table) add(row ...string) { t.rows = append(t.rows, row) }

// print writes the table with dashes below the heading. Nothing is written behind the last text of a line.
//
// Source: flask.cli.routes_command.
func (t *table) print(out io.Writer) error {
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	dashes := make([]string, len(widths))
	for i, w := range widths {
		dashes[i] = strings.Repeat("-", w)
	}
	var b strings.Builder
	for i, row := range t.rows {
		writeRow(&b, row, widths)
		if i == 0 {
			writeRow(&b, dashes, widths)
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func writeRow(b *strings.Builder, row []string, widths []int) {
	var line strings.Builder
	for i, cell := range row {
		fmt.Fprintf(&line, "%-*s  ", widths[i], cell)
	}
	b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}
