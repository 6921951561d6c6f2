// pgx on its defaults: statements are prepared and cached by the driver. See ../README.md.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var background = context.Background()

func must(err error, what string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

func connect() *pgx.Conn {
	connection, err := pgx.Connect(background, "")
	must(err, "connect")
	return connection
}

func plus(connection *pgx.Conn, number int) error {
	var got int
	if err := connection.QueryRow(background, "SELECT $1::int + 1", number).Scan(&got); err != nil {
		return err
	}
	if got != number+1 {
		return fmt.Errorf("%d + 1 = %d", number, got)
	}
	return nil
}

func step(connection *pgx.Conn, number int) error {
	return pgx.BeginFunc(background, connection, func(tx pgx.Tx) error {
		if err := plus(connection, number); err != nil {
			return err
		}
		_, err := tx.Exec(background, "INSERT INTO work_pgx VALUES ($1)", number)
		return err
	})
}

func transaction(connection *pgx.Conn) {
	_, err := connection.Exec(background, "CREATE TABLE IF NOT EXISTS work_pgx (n int)")
	must(err, "create")
	tx, err := connection.Begin(background)
	must(err, "begin")
	_, err = tx.Exec(background, "INSERT INTO work_pgx VALUES (-1)")
	must(err, "insert")
	must(tx.Rollback(background), "rollback")
	batch := &pgx.Batch{}
	for number := 0; number < 20; number++ {
		batch.Queue("SELECT $1::int", number)
	}
	must(connection.SendBatch(background, batch).Close(), "batch")
}

func copyBothWays(connection *pgx.Conn) {
	rows := make([][]any, 1000)
	for index := range rows {
		rows[index] = []any{index}
	}
	_, err := connection.CopyFrom(background, pgx.Identifier{"work_pgx"}, []string{"n"}, pgx.CopyFromRows(rows))
	must(err, "copy in")
	var out bytes.Buffer
	_, err = connection.PgConn().CopyTo(background, &out, "COPY work_pgx TO STDOUT")
	must(err, "copy out")
	if bytes.Count(out.Bytes(), []byte("\n")) < 1000 {
		must(fmt.Errorf("rows are missing"), "copy out")
	}
}

func cancel(connection *pgx.Conn) {
	go func() {
		time.Sleep(300 * time.Millisecond)
		must(connection.PgConn().CancelRequest(background), "cancel request")
	}()
	_, err := connection.Exec(background, "SELECT pg_sleep(60)")
	if failure, ok := err.(*pgconn.PgError); !ok || failure.Code != "57014" {
		must(fmt.Errorf("not cancelled: %v", err), "cancel")
	}
	must(plus(connection, 1), "after the cancel")
}

func sessions(count int, seconds float64) {
	connections := make([]*pgx.Conn, count)
	for index := range connections {
		connections[index] = connect()
	}
	deadline := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	var group sync.WaitGroup
	for _, connection := range connections {
		group.Add(1)
		go func(connection *pgx.Conn) {
			defer group.Done()
			for number := 0; number == 0 || time.Now().Before(deadline); number++ {
				must(step(connection, number), "a session's step")
			}
			must(connection.Close(background), "close")
		}(connection)
	}
	group.Wait()
	fmt.Printf("ok sessions %d\n", count)
}

func main() {
	count, err := strconv.Atoi(os.Getenv("DRIVER_SESSIONS"))
	must(err, "DRIVER_SESSIONS")
	seconds, err := strconv.ParseFloat(os.Getenv("DRIVER_SECONDS"), 64)
	must(err, "DRIVER_SECONDS")
	connection := connect()
	must(connection.Ping(background), "ping")
	fmt.Println("ok connect")
	for number := 0; number < 12; number++ {
		must(plus(connection, number), "prepared")
	}
	fmt.Println("ok prepared")
	transaction(connection)
	fmt.Println("ok transaction")
	copyBothWays(connection)
	fmt.Println("ok copy")
	cancel(connection)
	fmt.Println("ok cancel")
	must(connection.Close(background), "close")
	sessions(count, seconds)
}
