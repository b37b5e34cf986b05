package main

import (
	"database/sql"
	"fmt"
	"io"
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

// openDatabase opens PostgreSQL for a URL postgres://…, else SQLite, whose file it may make.
func openDatabase(name string) (*database, error) {
	schema, err := files.ReadFile("schema.sql")
	if err != nil {
		return nil, err
	}
	db := &database{schema: string(schema)}
	if strings.HasPrefix(name, "postgres://") {
		db.schema = strings.ReplaceAll(db.schema, "INTEGER PRIMARY KEY", "SERIAL PRIMARY KEY")
		db.DB, err = sql.Open("pgx", name)
	} else if err = os.MkdirAll(filepath.Dir(name), 0o700); err == nil {
		db.DB, err = sql.Open("sqlite", "file:"+name+"?_pragma=foreign_keys(1)&_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_txlock=immediate")
	}
	return db, err
}

// initCommand clears existing data and creates new tables.
func (db *database) initCommand(ac *carafe.AppContext, _ []string, out io.Writer) error {
	if _, err := db.ExecContext(ac, db.schema); err != nil {
		return fmt.Errorf("the tables cannot be made: %w", err)
	}
	_, err := fmt.Fprintln(out, "Initialized the database.")
	return err
}
