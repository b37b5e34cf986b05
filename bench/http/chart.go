package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// Sizes of the chart, in pixels.
const (
	panelWidth, panelGap = 460, 30
	barHeight, barStep   = 13, 18
	labelWidth           = 110
	barWidth             = 210
	titleHeight          = 30
	headHeight           = 56
)

// writeChart draws one panel a case, two beside each other: a bar for each server's requests a second, with the CPU beside it.
func (r *report) writeChart(w io.Writer) {
	most := 0
	for _, t := range r.tables {
		most = max(most, len(t.rows))
	}
	panel := titleHeight + most*barStep + panelGap
	width, height := 2*panelWidth+panelGap*3, headHeight+(len(r.tables)+1)/2*panel+10
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="system-ui, sans-serif" font-size="11">`+"\n", width, height, width, height)
	fmt.Fprintf(w, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	fmt.Fprintf(w, `<text x="%d" y="26" font-size="17" font-weight="600" fill="#222">Requests a second, and CPU µs of the server for each</text>`+"\n", panelGap)
	fmt.Fprintf(w, `<text x="%d" y="44" fill="#666">%s; medians of %d rounds of %d s, the thin lines are the least and the most; wrk on the same machine</text>`+"\n",
		panelGap, escaped(strings.Join(r.machine[:min(1, len(r.machine))], "")), r.rounds, r.seconds)
	for i := range r.tables {
		x, y := panelGap+i%2*(panelWidth+panelGap), headHeight+i/2*panel
		r.tables[i].draw(w, x, y)
	}
	fmt.Fprintln(w, "</svg>")
}

// draw is one panel.
func (t *table) draw(w io.Writer, x, y int) {
	fmt.Fprintf(w, `<g transform="translate(%d %d)">`+"\n", x, y)
	fmt.Fprintf(w, `<text y="18" font-size="13" font-weight="600" fill="#222">%s</text>`+"\n", escaped(t.scenario.title))
	longest := 1.0
	for i := range t.rows {
		longest = max(longest, t.rows[i].of(perSecond).most)
	}
	for i := range t.rows {
		t.rows[i].draw(w, titleHeight+i*barStep, barWidth/longest)
	}
	fmt.Fprintln(w, "</g>")
}

// draw is one bar; scale is pixels for a request a second.
func (r *row) draw(w io.Writer, y int, scale float64) {
	fill, weight := "#9db2c4", "400"
	if strings.HasPrefix(r.server.name, ours) {
		fill, weight = "#8a4b20", "600"
	}
	text := y + barHeight - 3
	fmt.Fprintf(w, `<text x="%d" y="%d" text-anchor="end" font-weight="%s" fill="#333">%s</text>`, labelWidth-6, text, weight, escaped(r.server.name))
	if len(r.samples) == 0 {
		fmt.Fprintf(w, `<text x="%d" y="%d" fill="#999">did not run</text>`+"\n", labelWidth, text)
		return
	}
	rate := r.of(perSecond)
	fmt.Fprintf(w, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`, labelWidth, y, rate.median*scale, barHeight, fill)
	fmt.Fprintf(w, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#222"/>`, labelWidth+rate.least*scale, labelWidth+rate.most*scale, y+barHeight/2, y+barHeight/2)
	fmt.Fprintf(w, `<text x="%.1f" y="%d" fill="#333">%s · %.1f µs</text>`+"\n", labelWidth+rate.most*scale+6, text, thousands(rate.median), r.of(cpuMicros).median)
}

func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return b.String()
}
