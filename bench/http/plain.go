package main

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"

	"github.com/go-chi/chi/v5"
	"github.com/go-playground/validator/v10"
	"github.com/gorilla/mux"
	"github.com/gorilla/sessions"
)

var (
	validate = validator.New(validator.WithRequiredStructEnabled())
	store    = newStore()
)

// newStore is gorilla's signed cookie, for those that have no sessions of their own.
func newStore() *sessions.CookieStore {
	s := sessions.NewCookieStore([]byte(secret))
	s.Options.HttpOnly, s.Options.Secure, s.Options.SameSite = true, false, http.SameSiteDefaultMode // as Carafe's and Flask's
	return s
}

// bare is net/http without a router: what a framework cannot beat. The variable is cut out of the path.
func bare(dir string) http.Handler {
	static := http.FileServer(http.Dir(dir))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; path {
		case "/hello":
			plainHello(w, r)
		case "/orders":
			plainOrder(w, r)
		case "/session":
			plainVisit(w, r)
		case "/page":
			plainPage(w, r)
		case "/stream":
			plainStream(w, r)
		default:
			if len(path) > 7 && path[:7] == "/users/" {
				plainUser(w, path[7:])
				return
			}
			static.ServeHTTP(w, r)
		}
	})
}

func chiRouter(dir string) http.Handler {
	x := chi.NewRouter()
	x.Get("/hello", plainHello)
	x.Get("/users/{id}", func(w http.ResponseWriter, r *http.Request) { plainUser(w, chi.URLParam(r, "id")) })
	x.Post("/orders", plainOrder)
	x.Get("/session", plainVisit)
	x.Get("/page", plainPage)
	x.Get("/stream", plainStream)
	x.Handle("/static/*", http.FileServer(http.Dir(dir)))
	return x
}

func gorillaRouter(dir string) http.Handler {
	m := mux.NewRouter()
	m.HandleFunc("/hello", plainHello).Methods("GET")
	m.HandleFunc("/users/{id}", func(w http.ResponseWriter, r *http.Request) { plainUser(w, mux.Vars(r)["id"]) }).Methods("GET")
	m.HandleFunc("/orders", plainOrder).Methods("POST")
	m.HandleFunc("/session", plainVisit).Methods("GET")
	m.HandleFunc("/page", plainPage).Methods("GET")
	m.HandleFunc("/stream", plainStream).Methods("GET")
	m.PathPrefix("/static/").Handler(http.StripPrefix("/static/", http.FileServer(http.Dir(filepath.Join(dir, "static")))))
	return m
}

func plainHello(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, hello)
}

func plainUser(w http.ResponseWriter, id string) {
	if n, ok := number(w, id); ok {
		plainJSON(w, user{n, "ada"})
	}
}

func plainJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func plainOrder(w http.ResponseWriter, r *http.Request) {
	var in order
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 16<<20)).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := validate.Struct(&in); err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	plainJSON(w, in)
}

func plainVisit(w http.ResponseWriter, r *http.Request) {
	n, err := nextVisit(w, r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, visit(n))
}

// nextVisit reads gorilla's session and writes it again.
func nextVisit(w http.ResponseWriter, r *http.Request) (int, error) {
	s, _ := store.Get(r, "session") // with an error it is a new one
	n, _ := s.Values["n"].(int)
	if n == 0 {
		for k, v := range remembered {
			s.Values[k] = v
		}
	}
	s.Values["n"] = n + 1
	return n + 1, s.Save(r, w)
}

func plainPage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, thePage)
}

func plainStream(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	rc := http.NewResponseController(w)
	for p := range pieces() {
		if _, err := w.Write(p); err != nil {
			return
		}
		if rc.Flush() != nil {
			return
		}
	}
}
