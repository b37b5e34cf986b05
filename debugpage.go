package carafe

import (
	"net/http"

	"github.com/carafeweb/carafe/devserver"
)

func (a *App) debugged(d *devserver.Debugger) http.Handler { return d.Handler(a) }
