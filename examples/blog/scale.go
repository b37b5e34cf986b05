package main

import (
	"net/http"
	"time"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/contrib/redis"
	"github.com/carafeweb/carafe/gateway"
	"github.com/carafeweb/carafe/gateway/middleware"
	goredis "github.com/redis/go-redis/v9"
)

// shareByRedis has all processes that run the blog share sessions, and the count of attempts to log in, in the Redis that the setting REDIS
// names by its URL. Without it sessions are in the cookie, and nobody counts.
func shareByRedis(app *carafe.App) error {
	url, _ := app.Config.Get("REDIS").(string)
	if url == "" {
		return nil
	}
	options, err := goredis.ParseURL(url)
	if err != nil {
		return err
	}
	options.ContextTimeoutEnabled = true
	client := goredis.NewClient(options)
	sessions := redis.New(client)
	sessions.Timeout = 10 * time.Second // rather wait for a Redis that is started anew than refuse
	app.Sessions = &carafe.ServerSessions{Store: sessions}
	app.Use(middleware.RateLimit{Rate: 20, Per: time.Minute, Key: loginAttempt, Store: redis.NewLimits(client)}.Wrap)
	return nil
}

// loginAttempt is whose attempts are counted: those of an address.
func loginAttempt(r *http.Request) string {
	if r.Method != http.MethodPost || r.URL.Path != "/auth/login" {
		return ""
	}
	return gateway.RemoteAddr(r)
}
