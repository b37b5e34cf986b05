package main

import (
	"database/sql"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/carafeweb/carafe"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

// database is a pool of connections, shared by all requests.
type database struct {
	*sql.DB
	schema string
}

// ofPostgres says schema.sql in PostgreSQL's words; keys have 64 bits, as SQLite's have, so that no URL has an id that cannot be compared.
var ofPostgres = strings.NewReplacer("INTEGER PRIMARY KEY", "BIGSERIAL PRIMARY KEY", "INTEGER", "BIGINT")

// openDatabase opens PostgreSQL for a URL postgres://… or postgresql://…, else SQLite, whose file it may make.
func openDatabase(name string) (*database, error) {
	schema, err := files.ReadFile("schema.sql")
	if err != nil {
		return nil, err
	}
	db := &database{schema: string(schema)}
	switch scheme, _, isURL := strings.Cut(name, "://"); {
	case isURL && (scheme == "postgres" || scheme == "postgresql"):
		db.schema = ofPostgres.Replace(db.schema)
		db.DB, err = sql.Open("pgx", name)
		return db, err
	case isURL:
		return nil, fmt.Errorf("DATABASE begins with %s://: give a URL postgres://… or the name of a file", scheme)
	}
	if err = os.MkdirAll(filepath.Dir(name), 0o700); err == nil {
		db.DB, err = sql.Open("sqlite", sqliteURI(name))
	}
	return db, err
}

// sqliteURI is the file as SQLite takes it, with settings; what has a meaning in a URI is escaped.
func sqliteURI(name string) string {
	const settings = "_pragma=foreign_keys(1)&_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_txlock=immediate"
	return (&url.URL{Scheme: "file", OmitHost: true, Path: name, RawQuery: settings}).String()
}

// initCommand clears existing data and creates new tables.
func (db *database) initCommand(ac *carafe.AppContext, _ []string, out io.Writer) error {
	if _, err := db.ExecContext(ac, db.schema); err != nil {
		return fmt.Errorf("the tables cannot be made: %w", err)
	}
	_, err := fmt.Fprintln(out, "Initialized the database.")
	return err
}
