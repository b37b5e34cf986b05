package carafe_test

import (
	"context"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

// TestWhatATemplateSeesOfTheRequest has what Flask 3.1.3 renders for the same request and session, but for the names of classes.
func TestWhatATemplateSeesOfTheRequest(t *testing.T) {
	for _, tt := range []struct{ source, want string }{
		{"{{ request }}", "&lt;Request &#39;http://localhost/?q=1&amp;q=2&amp;r=x&#39; [GET]&gt;"},
		{"{{ request.args.getlist('q') }} {{ request.args.q }} {{ request.args['r'] }} {{ request.args.get('no', 3) }} {{ request.args.nope }}", "[&#39;1&#39;, &#39;2&#39;] 1 x 3 "},
		{"{{ 'q' in request.args }} {{ 'z' in request.args }} {{ request.args|length }} {% for k, v in request.args.items() %}{{ k }}={{ v }};{% endfor %}", "True False 2 q=1;r=x;"},
		{"{{ request.method }} {{ request.path }} {{ request.full_path }}", "GET / /?q=1&amp;q=2&amp;r=x"},
		{"{{ request.url_rule }} {{ request.view_args }} {{ request.endpoint }} {{ request.blueprint }} {{ request.blueprints }}", "/ {} index None []"},
		{"{{ request.content_type }} {{ request.mimetype }} {{ request.is_json }} {{ request.is_secure }}", "None  False False"},
		{"{{ request.host_url }} {{ request.url_root }} {{ request.root_url }} {{ request.base_url }}", "http://localhost/ http://localhost/ http://localhost/ http://localhost/"},
		{"{{ request.scheme }} {{ request.host }} {{ request.remote_addr }} {{ request.script_root }} {{ request.referrer }}", "http localhost 127.0.0.1  None"},
		{"{{ request.headers['x-one'] }} {{ request.headers.get('X-Two', 'no') }} {{ 'X-One' in request.headers }}", "1 no True"},
		{"{{ request.cookies.c }} {{ request.form.name }} {{ request.files|length }}", "v  0"},
		{"{{ request.args|tojson }}", `{"q": "1", "r": "x"}`},
		{"{{ session.u }} {{ session['u'] }} {{ session.get('no', 'x') }} {{ 'u' in session }} {{ session|length }} {{ session.permanent }} {{ session.new }}", "bo bo x True 1 False True"},
		{"{{ session.pop('u') }} {{ 'u' in session }} {{ session.pop('u', 'gone') }} {% if session %}some{% else %}none{% endif %}", "bo False gone none"},
		{"{{ session|tojson }} {% for k in session %}{{ k }}{% endfor %}", `{"u": "bo"} u`},
		{"{{ g.x }} {{ 'x' in g }} {{ g.get('y', 3) }} [{{ g.y }}] {{ g.pop('x') }} {{ 'x' in g }}", "5 True 3 [] 5 False"},
		{"{{ url_for('index', _anchor='a b', _external=true, x=['1', 2], u=none) }} {{ url_for('.index') }}", "http://localhost/?x=1&amp;x=2#a%20b /"},
		{"{{ url_for('index', b='<&>'|safe, a=true) }}", "/?b=%3C%26%3E&amp;a=True"},
		{"[{{ url_for('index', x=nosuch) }}]", "[/]"}, // Unlike Flask: an undefined value is none
		{"{{ config.DEBUG }} {{ config['MAX_COOKIE_SIZE'] }} {{ config.get('NOPE', 1) }} {{ config.SERVER_NAME }} {{ 'DEBUG' in config }}", "False 4093 1 None True"},
		{"{{ config.PROPAGATE_EXCEPTIONS }} {{ config.SESSION_COOKIE_HTTPONLY }} {{ config.EXPLAIN_TEMPLATE_LOADING }} {{ config.NOPE is defined }}", "None True False False"},
		{"[{{ csrf_token is defined }}]", csrfDefined()},
	} {
		app := pages(nil)
		app.Get("/", func(c *carafe.Context) any {
			c.G().Set("x", 5)
			c.Session().Set("u", "bo")
			return carafe.RenderString(tt.source, nil)
		}, carafe.Endpoint("index"))
		resp := carafetest.NewClient(t, app).Get("/?q=1&q=2&r=x", carafetest.Header{"X-One": "1"}, carafetest.Cookie("c", "v"))
		if resp.Text() != tt.want {
			t.Errorf("%s: %s, want %s", tt.source, resp.Text(), tt.want)
		}
	}
}

// csrfDefined is whether the context offers tokens: a template has csrf_token where it does.
func csrfDefined() string {
	if _, ok := any((*carafe.Context)(nil)).(interface{ CSRFToken() string }); ok {
		return "[True]"
	}
	return "[False]"
}

func TestSecretsAreMaskedWhateverATemplateDoes(t *testing.T) {
	app := pages(nil)
	app.Config.SecretKey = "hunter2"
	app.Config.SecretKeyFallbacks = []carafe.Secret{"hunter1"}
	for _, source := range []string{
		"{{ config }}", "{{ config|tojson }}", "{{ config.SECRET_KEY }}", "{{ config.SECRET_KEY|upper }}", "{{ config.SECRET_KEY ~ '' }}",
		"{{ config['SECRET_KEY'][0:] }}", "{{ config.SECRET_KEY|list|join }}", "{{ config.SECRET_KEY_FALLBACKS }}", "{{ config.SECRET_KEY_FALLBACKS|first|lower }}",
		"{{ config.items()|list }}", "{{ config.values()|list }}", "{% for k in config %}{{ config[k] }}{% endfor %}", "{{ config.config }}", "{{ config|pprint }}",
	} {
		got := outside(t, app, func(ctx context.Context) (string, error) { return app.RenderString(ctx, source, nil) })
		if strings.Contains(strings.ToLower(got), "hunter") {
			t.Errorf("%s gives a secret away: %s", source, got)
		}
	}
	got := outside(t, app, func(ctx context.Context) (string, error) {
		return app.RenderString(ctx, "{{ config.SECRET_KEY }}", nil)
	})
	wantText(t, got, "[secret]")
}

func TestFlashedMessagesInATemplate(t *testing.T) {
	for _, tt := range []struct{ call, want string }{
		{"get_flashed_messages()", "[&#39;a&#39;, &#39;&lt;b&gt;&#39;]"},
		{"get_flashed_messages(true)", "[(&#39;message&#39;, &#39;a&#39;), (&#39;err&#39;, &#39;&lt;b&gt;&#39;)]"},
		{"get_flashed_messages(with_categories=true, category_filter=['err'])", "[(&#39;err&#39;, &#39;&lt;b&gt;&#39;)]"},
		{"get_flashed_messages(category_filter=('err', 'x'))", "[&#39;&lt;b&gt;&#39;]"},
		{"get_flashed_messages(false, [])", "[&#39;a&#39;, &#39;&lt;b&gt;&#39;]"},
		{"get_flashed_messages()|length + get_flashed_messages()|length", "4"},
	} {
		app := pages(nil)
		app.Get("/flash", func(c *carafe.Context) string {
			c.Flash("a")
			c.Flash("<b>", "err")
			return ""
		}, carafe.Endpoint("flash"))
		app.Get("/", func() any { return carafe.RenderString("{{ "+tt.call+" }}", nil) }, carafe.Endpoint("index"))
		client := carafetest.NewClient(t, app)
		client.Get("/flash")
		if got := client.Get("/").Text(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.call, got, tt.want)
		}
		if got := client.Get("/").Text(); strings.Contains(got, "b&gt;") {
			t.Errorf("%s: the messages are shown again: %s", tt.call, got)
		}
	}
	for call, want := range map[string]string{
		"get_flashed_messages(1, 2, 3)":             "only",
		"get_flashed_messages(true, category=1)":    "category",
		"get_flashed_messages(category_filter=1)":   "not a list",
		"get_flashed_messages(category_filter=[1])": "not a text",
		"url_for()":             "0 arguments",
		"url_for('index', 1)":   "2 arguments",
		"url_for(1)":            "not a text",
		"url_for('x', _scheme)": "2 arguments",
	} {
		app := pages(nil)
		app.Get("/", func() any { return carafe.RenderString("{{ "+call+" }}", nil) }, carafe.Endpoint("index"))
		var err error
		if carafetest.NewClient(t, app).Get("/", carafetest.WantError(&err)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", call, err, want)
		}
	}
}

func TestASessionThatIsNotAskedForIsNotTouched(t *testing.T) {
	for source, vary := range map[string]string{"{{ request.path }}": "", "{{ session is defined }}": "", "{{ session.u }}": "Cookie", "{{ get_flashed_messages() }}": "Cookie"} {
		app := pages(nil)
		app.Get("/", func() any { return carafe.RenderString(source, nil) }, carafe.Endpoint("index"))
		if got := carafetest.NewClient(t, app).Get("/").Header.Get("Vary"); got != vary {
			t.Errorf("%s: Vary %q, want %q", source, got, vary)
		}
	}
}

// TestTypedKeysAreSeenAsFieldsOfG is test_custom_app_ctx_globals_class: a key takes the place of a class of one's own.
func TestTypedKeysAreSeenAsFieldsOfG(t *testing.T) {
	app := pages(nil)
	spam := carafe.NewKey[string]("spam")
	wantText(t, outside(t, app, func(ctx context.Context) (string, error) {
		spam.Set(ctx, "eggs")
		return app.RenderString(ctx, "{{ g.spam }}", nil)
	}), "eggs")
}
