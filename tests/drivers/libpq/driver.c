/* libpq in pipeline mode, with COPY and cancel; sessions are served by one thread each. See ../README.md. */
#include <libpq-fe.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double seconds_to_run;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(PGconn* connection, const char* what) {
    fprintf(stderr, "%s: %s\n", what, PQerrorMessage(connection));
    exit(1);
}

static PGconn* connect_once(void) {
    PGconn* connection = PQconnectdb("");
    if (PQstatus(connection) != CONNECTION_OK)
        fail(connection, "connect");
    return connection;
}

static void expect(PGconn* connection, PGresult* result, ExecStatusType status, const char* what) {
    if (PQresultStatus(result) != status)
        fail(connection, what);
    PQclear(result);
}

static void run(PGconn* connection, const char* text) {
    PGresult* result = PQexec(connection, text);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        fail(connection, text);
    PQclear(result);
}

/* Twenty prepared executions in one pipeline, between BEGIN and COMMIT. */
static void pipeline(PGconn* connection) {
    if (!PQenterPipelineMode(connection))
        fail(connection, "enter pipeline mode");
    PQsendQueryParams(connection, "BEGIN", 0, NULL, NULL, NULL, NULL, 0);
    char number[16];
    const char* values[1] = {number};
    for (int i = 0; i < 20; ++i) {
        snprintf(number, sizeof number, "%d", i);
        if (!PQsendQueryPrepared(connection, "plus", 1, values, NULL, NULL, 0))
            fail(connection, "send");
    }
    PQsendQueryParams(connection, "COMMIT", 0, NULL, NULL, NULL, NULL, 0);
    if (!PQpipelineSync(connection))
        fail(connection, "sync");
    expect(connection, PQgetResult(connection), PGRES_COMMAND_OK, "BEGIN");
    PQgetResult(connection);
    for (int i = 0; i < 20; ++i) {
        PGresult* result = PQgetResult(connection);
        if (PQresultStatus(result) != PGRES_TUPLES_OK || atoi(PQgetvalue(result, 0, 0)) != i + 1)
            fail(connection, "a result of the pipeline");
        PQclear(result);
        PQgetResult(connection);
    }
    expect(connection, PQgetResult(connection), PGRES_COMMAND_OK, "COMMIT");
    PQgetResult(connection);
    expect(connection, PQgetResult(connection), PGRES_PIPELINE_SYNC, "the end of the pipeline");
    if (!PQexitPipelineMode(connection))
        fail(connection, "exit pipeline mode");
}

static void copy(PGconn* connection) {
    expect(connection, PQexec(connection, "COPY work_libpq FROM STDIN"), PGRES_COPY_IN, "COPY in");
    for (int i = 0; i < 1000; ++i)
        if (PQputCopyData(connection, "7\n", 2) != 1)
            fail(connection, "COPY data");
    PQputCopyEnd(connection, NULL);
    expect(connection, PQgetResult(connection), PGRES_COMMAND_OK, "end of COPY in");
    PQgetResult(connection);
    expect(connection, PQexec(connection, "COPY work_libpq TO STDOUT"), PGRES_COPY_OUT, "COPY out");
    char* row = NULL;
    int rows = 0;
    while (PQgetCopyData(connection, &row, 0) > 0) {
        ++rows;
        PQfreemem(row);
    }
    expect(connection, PQgetResult(connection), PGRES_COMMAND_OK, "end of COPY out");
    PQgetResult(connection);
    if (rows < 1000)
        fail(connection, "rows are missing");
}

static void cancel(PGconn* connection) {
    char error[256];
    PGcancel* request = PQgetCancel(connection);
    if (!PQsendQuery(connection, "SELECT pg_sleep(60)"))
        fail(connection, "send");
    usleep(300000);
    if (!PQcancel(request, error, sizeof error))
        fail(connection, error);
    PQfreeCancel(request);
    PGresult* result = PQgetResult(connection);
    const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (!state || strcmp(state, "57014") != 0)
        fail(connection, "the query was not cancelled");
    PQclear(result);
    while ((result = PQgetResult(connection)))
        PQclear(result);
}

static void* session(void* argument) {
    PGconn* connection = argument;
    double deadline = now() + seconds_to_run;
    do
        pipeline(connection);
    while (now() < deadline);
    return NULL;
}

int main(void) {
    int count = atoi(getenv("DRIVER_SESSIONS"));
    seconds_to_run = atof(getenv("DRIVER_SECONDS"));
    setvbuf(stdout, NULL, _IOLBF, 0);
    PGconn* connection = connect_once();
    run(connection, "SELECT 1");
    puts("ok connect");
    expect(connection, PQprepare(connection, "plus", "SELECT $1::int + 1", 1, NULL), PGRES_COMMAND_OK, "prepare");
    pipeline(connection);
    puts("ok prepared");
    run(connection, "CREATE TABLE IF NOT EXISTS work_libpq (n int)");
    run(connection, "BEGIN");
    run(connection, "INSERT INTO work_libpq VALUES (1)");
    run(connection, "ROLLBACK");
    puts("ok transaction");
    copy(connection);
    puts("ok copy");
    cancel(connection);
    puts("ok cancel");
    PQfinish(connection);

    PGconn** connections = calloc((size_t)count, sizeof *connections);
    pthread_t* threads = calloc((size_t)count, sizeof *threads);
    for (int i = 0; i < count; ++i) {
        connections[i] = connect_once();
        expect(connections[i], PQprepare(connections[i], "plus", "SELECT $1::int + 1", 1, NULL), PGRES_COMMAND_OK, "prepare");
    }
    for (int i = 0; i < count; ++i)
        pthread_create(&threads[i], NULL, session, connections[i]);
    for (int i = 0; i < count; ++i) {
        pthread_join(threads[i], NULL);
        PQfinish(connections[i]);
    }
    printf("ok sessions %d\n", count);
    return 0;
}
