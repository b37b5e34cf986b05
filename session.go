package carafe

type sessionState struct{}

// SessionInterface
type SessionInterface interface{}

// CookieSessions
type CookieSessions struct{}

func (a *App) saveSession(c *Context, resp *Response) error { return nil }
