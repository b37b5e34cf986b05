package main

import (
	"net/http"
	"time"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/contrib/redis"
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
	app.BeforeRequest(limitLogins(middleware.RateLimit{
		Rate: 20, Per: time.Minute, Store: redis.NewLimits(client), Unavailable: http.HandlerFunc(unavailable), Log: app.Log(),
	}))
	return nil
}

// limitLogins counts attempts at the endpoint: more than one path leads there.
func limitLogins(limit middleware.RateLimit) carafe.BeforeFunc {
	refusal := limit.Guard()
	return func(c *carafe.Context) (any, error) {
		if c.Endpoint() != "auth.login" || c.Request.Method != "POST" {
			return nil, nil
		}
		return refusal(c.Request.Request), nil
	}
}

// unavailable refuses while nobody can count: else whoever brings Redis down may try as many passwords as they like.
func unavailable(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "Logging in is not possible just now.", http.StatusServiceUnavailable)
}
