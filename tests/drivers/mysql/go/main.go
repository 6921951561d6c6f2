// go-sql-driver/mysql on its defaults: a query with arguments is prepared by the protocol. See ../../README.md.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
)

const large = 33 << 20

var background = context.Background()

func must(err error, what string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

func expect(condition bool, what string) {
	if !condition {
		must(errors.New("unexpected"), what)
	}
}

func open() *sql.DB {
	config := mysql.NewConfig()
	config.User, config.Passwd, config.DBName = os.Getenv("DRIVER_USER"), os.Getenv("DRIVER_PASSWORD"), os.Getenv("DRIVER_DATABASE")
	config.Net, config.Addr = "tcp", os.Getenv("DRIVER_HOST")+":"+os.Getenv("DRIVER_PORT")
	config.MultiStatements = true
	if os.Getenv("DRIVER_TLS") == "1" {
		config.TLSConfig = "skip-verify"
	}
	if os.Getenv("DRIVER_COMPRESSED") == "1" {
		must(config.Apply(mysql.EnableCompression(true)), "compression")
	}
	database, err := sql.Open("mysql", config.FormatDSN())
	must(err, "open")
	return database
}

func connect(database *sql.DB) *sql.Conn {
	connection, err := database.Conn(background)
	must(err, "connect")
	return connection
}

func number(connection *sql.Conn, statement string, arguments ...any) int {
	var got int
	must(connection.QueryRowContext(background, statement, arguments...).Scan(&got), statement[:min(len(statement), 60)])
	return got
}

func execute(connection *sql.Conn, statement string, arguments ...any) {
	_, err := connection.ExecContext(background, statement, arguments...)
	must(err, statement)
}

func transaction(connection *sql.Conn) {
	execute(connection, "CREATE TABLE IF NOT EXISTS work_go (n int)")
	tx, err := connection.BeginTx(background, nil)
	must(err, "begin")
	_, err = tx.Exec("INSERT INTO work_go VALUES (?)", -1)
	must(err, "insert")
	must(tx.Rollback(), "rollback")
	expect(number(connection, "SELECT count(*) FROM work_go WHERE n = -1") == 0, "the rollback did nothing")
}

func multiResults(connection *sql.Conn) {
	rows, err := connection.QueryContext(background, "SELECT 1; SELECT 2; SELECT 4")
	must(err, "multi-results")
	sum := 0
	for {
		for rows.Next() {
			var got int
			must(rows.Scan(&got), "scan")
			sum += got
		}
		if !rows.NextResultSet() {
			break
		}
	}
	must(rows.Err(), "multi-results")
	must(rows.Close(), "close")
	expect(sum == 7, "multi-results")
}

func localInfile(connection *sql.Conn) {
	file := os.Getenv("DRIVER_FILE")
	mysql.RegisterLocalFile(file)
	execute(connection, "LOAD DATA LOCAL INFILE '"+file+"' INTO TABLE work_go")
	expect(number(connection, "SELECT count(*) FROM work_go WHERE n >= ?", 1000000) == 1000, "rows are missing")
}

func largePackets(connection *sql.Conn) {
	expect(number(connection, "SELECT LENGTH(?)", strings.Repeat("x", large)) == large, "a large parameter")
	expect(number(connection, "SELECT LENGTH('"+strings.Repeat("x", large)+"')") == large, "a large statement")
	var got string
	must(connection.QueryRowContext(background, "SELECT REPEAT('y', ?)", large).Scan(&got), "a large row")
	expect(len(got) == large, "a large row")
}

func killQuery(database *sql.DB, connection *sql.Conn) {
	id := number(connection, "SELECT CONNECTION_ID()")
	began := time.Now()
	done := make(chan struct{})
	go func() {
		time.Sleep(300 * time.Millisecond)
		other := connect(database)
		execute(other, fmt.Sprintf("KILL QUERY %d", id))
		must(other.Close(), "close")
		close(done)
	}()
	var got int
	err := connection.QueryRowContext(background, "SELECT SLEEP(60)").Scan(&got)
	var failure *mysql.MySQLError
	expect((err == nil && got == 1) || (errors.As(err, &failure) && failure.Number == 1317), "the query was not killed")
	<-done
	expect(time.Since(began) < 30*time.Second, "the query was not killed")
	expect(number(connection, "SELECT 5") == 5, "after the kill")
}

func step(connection *sql.Conn, index int) {
	tx, err := connection.BeginTx(background, nil)
	must(err, "begin")
	var got int
	must(tx.QueryRow("SELECT ? + 1", index).Scan(&got), "sum")
	expect(got == index+1, "a wrong sum")
	_, err = tx.Exec("INSERT INTO work_go VALUES (?)", index)
	must(err, "insert")
	must(tx.Commit(), "commit")
}

func sessions(database *sql.DB, count int, seconds float64) {
	connections := make([]*sql.Conn, count)
	for index := range connections {
		connections[index] = connect(database)
	}
	deadline := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	var group sync.WaitGroup
	for _, connection := range connections {
		group.Add(1)
		go func() {
			defer group.Done()
			for index := 0; index == 0 || time.Now().Before(deadline); index++ {
				step(connection, index)
			}
			must(connection.Close(), "close")
		}()
	}
	group.Wait()
	fmt.Printf("ok sessions %d\n", count)
}

func main() {
	count, err := strconv.Atoi(os.Getenv("DRIVER_SESSIONS"))
	must(err, "DRIVER_SESSIONS")
	seconds, err := strconv.ParseFloat(os.Getenv("DRIVER_SECONDS"), 64)
	must(err, "DRIVER_SECONDS")
	database := open()
	connection := connect(database)
	must(connection.PingContext(background), "ping")
	fmt.Println("ok connect")
	prepared, err := connection.PrepareContext(background, "SELECT ? + 1")
	must(err, "prepare")
	for index := 0; index < 12; index++ {
		var got int
		must(prepared.QueryRow(index).Scan(&got), "prepared")
		expect(got == index+1, "a wrong sum")
	}
	must(prepared.Close(), "close")
	fmt.Println("ok prepared")
	transaction(connection)
	fmt.Println("ok transaction")
	multiResults(connection)
	fmt.Println("ok multi-results")
	localInfile(connection)
	fmt.Println("ok local-infile")
	largePackets(connection)
	fmt.Println("ok large")
	killQuery(database, connection)
	fmt.Println("ok kill-query")
	must(connection.Close(), "close")
	sessions(database, count, seconds)
}
