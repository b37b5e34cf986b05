package jinja

// extensions by their short names.
var extensions map[string]func(env *Environment)

func init() {
	extensions = map[string]func(env *Environment){
		"do": func(env *Environment) {
			env.tags["do"] = func(p *parser) node {
				n := &doNode{at: p.here()}
				p.next()
				n.expr = p.tuple(tupleOpts{cond: true})
				n.at = p.until(n.at)
				return n
			}
		},
		"loopcontrols": func(env *Environment) {
			env.tags["break"] = func(p *parser) node {
				n := &breakNode{p.here()}
				p.next()
				return n
			}
			env.tags["continue"] = func(p *parser) node {
				n := &continueNode{p.here()}
				p.next()
				return n
			}
		},
		"i18n": func(env *Environment) {
			env.tags["trans"] = parseTrans
			addTranslations(env)
		},
	}
}
