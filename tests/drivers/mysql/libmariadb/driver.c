/* MariaDB Connector/C on its defaults. See ../../README.md. */
#include <mysql.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LARGE = 33 << 20 };

static const char* text_of(const char* name) {
    const char* value = getenv(name);
    if (value == NULL) {
        fprintf(stderr, "%s is not set\n", name);
        exit(1);
    }
    return value;
}

static void fail(MYSQL* connection, const char* what) {
    fprintf(stderr, "%s: %u %s\n", what, mysql_errno(connection), mysql_error(connection));
    exit(1);
}

static void expect(int condition, const char* what) {
    if (!condition) {
        fprintf(stderr, "%s\n", what);
        exit(1);
    }
}

static int reports_of_progress;
static void count_report(const MYSQL* connection, unsigned stage, unsigned stages, double percent, const char* what,
                         unsigned size) {
    (void)connection, (void)percent, (void)what, (void)size;
    expect(stage <= stages, "a strange report of progress");
    ++reports_of_progress;
}

static MYSQL* connect_one(void) {
    MYSQL* connection = mysql_init(NULL);
    my_bool tls = *text_of("DRIVER_TLS") == '1', verify = 0;
    unsigned local = 1;
    mysql_options(connection, MYSQL_OPT_SSL_ENFORCE, &tls);
    mysql_options(connection, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
    mysql_options(connection, MYSQL_OPT_LOCAL_INFILE, &local);
    mysql_options(connection, MYSQL_PROGRESS_CALLBACK, (void*)count_report);
    if (*text_of("DRIVER_COMPRESSED") == '1')
        mysql_options(connection, MYSQL_OPT_COMPRESS, NULL);
    if (mysql_real_connect(connection, text_of("DRIVER_HOST"), text_of("DRIVER_USER"), text_of("DRIVER_PASSWORD"),
                           text_of("DRIVER_DATABASE"), (unsigned)atoi(text_of("DRIVER_PORT")), NULL,
                           CLIENT_MULTI_STATEMENTS) == NULL)
        fail(connection, "connect");
    expect(!tls || mysql_get_ssl_cipher(connection) != NULL, "no TLS");
    return connection;
}

static void run(MYSQL* connection, const char* statement) {
    if (mysql_query(connection, statement) != 0)
        fail(connection, statement);
}

static long long number_of(MYSQL* connection, const char* statement) {
    run(connection, statement);
    MYSQL_RES* rows = mysql_store_result(connection);
    if (rows == NULL)
        fail(connection, statement);
    MYSQL_ROW row = mysql_fetch_row(rows);
    long long number = row != NULL && row[0] != NULL ? atoll(row[0]) : -1;
    mysql_free_result(rows);
    return number;
}

static MYSQL_STMT* prepare(MYSQL* connection, const char* statement) {
    MYSQL_STMT* prepared = mysql_stmt_init(connection);
    if (mysql_stmt_prepare(prepared, statement, strlen(statement)) != 0)
        fail(connection, statement);
    return prepared;
}

static void plus(MYSQL* connection, MYSQL_STMT* statement, int number) {
    MYSQL_BIND in = {0}, out = {0};
    long long sum = 0;
    in.buffer_type = MYSQL_TYPE_LONG;
    in.buffer = &number;
    out.buffer_type = MYSQL_TYPE_LONGLONG;
    out.buffer = &sum;
    if (mysql_stmt_bind_param(statement, &in) != 0 || mysql_stmt_execute(statement) != 0 ||
        mysql_stmt_bind_result(statement, &out) != 0 || mysql_stmt_fetch(statement) != 0) {
        fprintf(stderr, "%s\n", mysql_stmt_error(statement));
        fail(connection, "execute");
    }
    mysql_stmt_free_result(statement);
    expect(sum == number + 1, "a wrong sum");
}

static void long_data(MYSQL* connection) {
    MYSQL_STMT* statement = prepare(connection, "SELECT LENGTH(?)");
    MYSQL_BIND in = {0}, out = {0};
    long long length = 0;
    char* piece = malloc(1 << 20);
    memset(piece, 'x', 1 << 20);
    in.buffer_type = MYSQL_TYPE_BLOB;
    out.buffer_type = MYSQL_TYPE_LONGLONG;
    out.buffer = &length;
    expect(mysql_stmt_bind_param(statement, &in) == 0, "bind");
    for (int i = 0; i < LARGE >> 20; ++i)
        expect(mysql_stmt_send_long_data(statement, 0, piece, 1 << 20) == 0, "long data");
    if (mysql_stmt_execute(statement) != 0 || mysql_stmt_bind_result(statement, &out) != 0 ||
        mysql_stmt_fetch(statement) != 0)
        fail(connection, mysql_stmt_error(statement));
    mysql_stmt_close(statement);
    free(piece);
    expect(length == LARGE, "a wrong length");
}

static void cursor(MYSQL* connection) {
    MYSQL_STMT* statement = prepare(connection, "SELECT n FROM work_libmariadb WHERE n >= 1000000");
    unsigned long kind = CURSOR_TYPE_READ_ONLY, rows = 10;
    mysql_stmt_attr_set(statement, STMT_ATTR_CURSOR_TYPE, &kind);
    mysql_stmt_attr_set(statement, STMT_ATTR_PREFETCH_ROWS, &rows);
    int number = 0, count = 0;
    MYSQL_BIND out = {0};
    out.buffer_type = MYSQL_TYPE_LONG;
    out.buffer = &number;
    if (mysql_stmt_execute(statement) != 0 || mysql_stmt_bind_result(statement, &out) != 0)
        fail(connection, mysql_stmt_error(statement));
    while (mysql_stmt_fetch(statement) == 0)
        ++count;
    mysql_stmt_close(statement);
    expect(count == 1000, "rows of the cursor are missing");
}

/* What a server of MySQL does not know: bulk execution, reports of progress. */
static void only_mariadb(MYSQL* connection) {
    enum { ROWS = 100, TIMES = 12 };
    if (strstr(mysql_get_server_info(connection), "MariaDB") == NULL)
        return;
    run(connection, "CREATE TABLE IF NOT EXISTS bulk_libmariadb (n int)");
    MYSQL_STMT* statement = prepare(connection, "INSERT INTO bulk_libmariadb VALUES (?)");
    unsigned size = ROWS;
    int numbers[ROWS];
    MYSQL_BIND in = {0};
    in.buffer_type = MYSQL_TYPE_LONG;
    in.buffer = numbers;
    mysql_stmt_attr_set(statement, STMT_ATTR_ARRAY_SIZE, &size);
    expect(mysql_stmt_bind_param(statement, &in) == 0, "bind");
    for (int time = 0; time < TIMES; ++time) {
        for (int i = 0; i < ROWS; ++i)
            numbers[i] = time * ROWS + i;
        if (mysql_stmt_execute(statement) != 0)
            fail(connection, mysql_stmt_error(statement));
        expect(mysql_stmt_affected_rows(statement) == ROWS, "a bulk execution left rows out");
    }
    mysql_stmt_close(statement);
    expect(number_of(connection, "SELECT SUM(n) FROM bulk_libmariadb") == ROWS * TIMES * (ROWS * TIMES - 1) / 2,
           "a bulk execution wrote other rows");
    run(connection, "ALTER TABLE bulk_libmariadb FORCE, ALGORITHM=COPY");
    expect(reports_of_progress > 0, "no report of progress");
    run(connection, "DROP TABLE bulk_libmariadb");
}

static void multi_results(MYSQL* connection) {
    run(connection, "SELECT 1; SELECT 2; DO 0; SELECT 4");
    long long sum = 0;
    int more;
    do {
        MYSQL_RES* rows = mysql_store_result(connection);
        if (rows != NULL) {
            sum += atoll(mysql_fetch_row(rows)[0]);
            mysql_free_result(rows);
        }
        more = mysql_next_result(connection);
    } while (more == 0);
    expect(more == -1 && sum == 7, "multi-results");
}

static void large(MYSQL* connection) {
    char* statement = malloc(LARGE + 64);
    int head = sprintf(statement, "SELECT LENGTH('");
    memset(statement + head, 'x', LARGE);
    strcpy(statement + head + LARGE, "')");
    expect(number_of(connection, statement) == LARGE, "a large statement");
    free(statement);
    run(connection, "SELECT REPEAT('y', 34603008)");
    MYSQL_RES* rows = mysql_use_result(connection);
    expect(mysql_fetch_row(rows) != NULL && mysql_fetch_lengths(rows)[0] == LARGE, "a large row");
    expect(mysql_fetch_row(rows) == NULL, "one row only");
    mysql_free_result(rows);
    long_data(connection);
}

static void* kill_soon(void* id) {
    char statement[64];
    MYSQL* other = connect_one();
    usleep(300000);
    snprintf(statement, sizeof statement, "KILL QUERY %lu", *(unsigned long*)id);
    run(other, statement);
    mysql_close(other);
    return NULL;
}

static void kill_query(MYSQL* connection) {
    unsigned long id = mysql_thread_id(connection);
    time_t began = time(NULL);
    pthread_t thread;
    pthread_create(&thread, NULL, kill_soon, &id);
    if (mysql_query(connection, "SELECT SLEEP(60)") == 0) {
        MYSQL_RES* rows = mysql_store_result(connection);
        MYSQL_ROW row = rows != NULL ? mysql_fetch_row(rows) : NULL;
        expect(rows == NULL || (row != NULL && atoi(row[0]) == 1), "the query was not killed");
        mysql_free_result(rows);
    } else if (mysql_errno(connection) != 1317) {
        fail(connection, "kill");
    }
    pthread_join(thread, NULL);
    expect(time(NULL) - began < 30, "the query was not killed");
    expect(number_of(connection, "SELECT 5") == 5, "after the kill");
}

static void* session(void* argument) {
    MYSQL* connection = argument;
    char statement[64];
    time_t end = time(NULL) + atoi(text_of("DRIVER_SECONDS"));
    MYSQL_STMT* sum = prepare(connection, "SELECT ? + 1");
    for (int number = 0; number == 0 || time(NULL) < end; ++number) {
        mysql_autocommit(connection, 0);
        plus(connection, sum, number);
        snprintf(statement, sizeof statement, "INSERT INTO work_libmariadb VALUES (%d)", number);
        run(connection, statement);
        if (mysql_commit(connection) != 0)
            fail(connection, "commit");
    }
    mysql_stmt_close(sum);
    return NULL;
}

static void sessions(int count) {
    MYSQL* connections[256];
    pthread_t threads[256];
    expect(count <= 256, "too many sessions");
    for (int i = 0; i < count; ++i)
        connections[i] = connect_one();
    for (int i = 0; i < count; ++i)
        pthread_create(&threads[i], NULL, session, connections[i]);
    for (int i = 0; i < count; ++i) {
        pthread_join(threads[i], NULL);
        mysql_close(connections[i]);
    }
    printf("ok sessions %d\n", count);
}

static void ok(const char* what) {
    printf("ok %s\n", what);
    fflush(stdout);
}

int main(void) {
    mysql_library_init(0, NULL, NULL);
    MYSQL* connection = connect_one();
    expect(mysql_ping(connection) == 0, "ping");
    ok("connect");
    MYSQL_STMT* sum = prepare(connection, "SELECT ? + 1");
    for (int number = 0; number < 12; ++number)
        plus(connection, sum, number);
    mysql_stmt_close(sum);
    only_mariadb(connection);
    ok("prepared");
    run(connection, "CREATE TABLE IF NOT EXISTS work_libmariadb (n int)");
    run(connection, "BEGIN");
    run(connection, "INSERT INTO work_libmariadb VALUES (-1)");
    run(connection, "ROLLBACK");
    expect(number_of(connection, "SELECT count(*) FROM work_libmariadb WHERE n = -1") == 0, "the rollback did nothing");
    ok("transaction");
    multi_results(connection);
    ok("multi-results");
    char statement[512];
    snprintf(statement, sizeof statement, "LOAD DATA LOCAL INFILE '%s' INTO TABLE work_libmariadb", text_of("DRIVER_FILE"));
    run(connection, statement);
    expect(number_of(connection, "SELECT count(*) FROM work_libmariadb WHERE n >= 1000000") == 1000, "rows are missing");
    cursor(connection);
    ok("local-infile");
    large(connection);
    ok("large");
    kill_query(connection);
    ok("kill-query");
    mysql_close(connection);
    sessions(atoi(text_of("DRIVER_SESSIONS")));
    mysql_library_end();
    return 0;
}
