<?php
// mysqli over mysqlnd on its defaults. See ../../README.md.
declare(strict_types=1);

const LARGE = 33 << 20;
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);

function connect(): mysqli {
    $connection = mysqli_init();
    $connection->options(MYSQLI_OPT_LOCAL_INFILE, 1);
    $flags = getenv('DRIVER_TLS') === '1' ? MYSQLI_CLIENT_SSL | MYSQLI_CLIENT_SSL_DONT_VERIFY_SERVER_CERT : 0;
    $flags |= getenv('DRIVER_COMPRESSED') === '1' ? MYSQLI_CLIENT_COMPRESS : 0;
    $connection->real_connect(getenv('DRIVER_HOST'), getenv('DRIVER_USER'), getenv('DRIVER_PASSWORD'),
        getenv('DRIVER_DATABASE'), (int)getenv('DRIVER_PORT'), null, $flags);
    return $connection;
}

function expect(bool $condition, string $what): void {
    if (!$condition) {
        throw new RuntimeException($what);
    }
}

function value(mysqli $connection, string $statement): mixed {
    return $connection->query($statement)->fetch_row()[0];
}

function plus(mysqli $connection, int $number): void {
    $statement = $connection->prepare('SELECT ? + 1');
    $statement->execute([$number]);
    expect((int)$statement->get_result()->fetch_row()[0] === $number + 1, 'a wrong sum');
    $statement->close();
}

function transaction(mysqli $connection): void {
    $connection->query('CREATE TABLE IF NOT EXISTS work_php (n int)');
    $connection->begin_transaction();
    $connection->query('INSERT INTO work_php VALUES (-1)');
    $connection->rollback();
    expect((int)value($connection, 'SELECT count(*) FROM work_php WHERE n = -1') === 0, 'the rollback did nothing');
}

function multi_results(mysqli $connection): void {
    $connection->multi_query('SELECT 1; SELECT 2; DO 0; SELECT 4');
    $sum = 0;
    do {
        if ($result = $connection->store_result()) {
            $sum += (int)$result->fetch_row()[0];
        }
    } while ($connection->more_results() && $connection->next_result());
    expect($sum === 7, 'multi-results');
}

function large(mysqli $connection): void {
    $statement = $connection->prepare('SELECT LENGTH(?)');
    $statement->execute([str_repeat('x', LARGE)]);
    expect((int)$statement->get_result()->fetch_row()[0] === LARGE, 'a large parameter');
    $statement->close();
    expect((int)value($connection, "SELECT LENGTH('" . str_repeat('x', LARGE) . "')") === LARGE, 'a large statement');
    expect(strlen(value($connection, 'SELECT REPEAT(\'y\', ' . LARGE . ')')) === LARGE, 'a large row');
}

function kill_query(mysqli $connection): void {
    $id = $connection->thread_id;
    expect($id === (int)value($connection, 'SELECT CONNECTION_ID()'), 'another id');
    $began = time();
    $connection->query('SELECT SLEEP(60)', MYSQLI_ASYNC);
    usleep(300000);
    $other = connect();
    $other->query("KILL QUERY $id");
    $other->close();
    try {
        expect((int)$connection->reap_async_query()->fetch_row()[0] === 1, 'the query was not killed');
    } catch (mysqli_sql_exception $error) {
        expect($error->getCode() === 1317, 'killed with ' . $error->getMessage());
    }
    expect(time() - $began < 30, 'the query was not killed');
    expect((int)value($connection, 'SELECT 5') === 5, 'after the kill');
}

function step(mysqli $connection, int $number): void {
    $connection->begin_transaction();
    plus($connection, $number);
    $connection->query("INSERT INTO work_php VALUES ($number)");
    $connection->commit();
}

// One thread: the sessions, all open, take turns.
function sessions(int $count, float $seconds): void {
    $connections = [];
    for ($index = 0; $index < $count; ++$index) {
        $connections[] = connect();
    }
    $end = microtime(true) + $seconds;
    for ($number = 0; $number === 0 || microtime(true) < $end; ++$number) {
        foreach ($connections as $connection) {
            step($connection, $number);
        }
    }
    foreach ($connections as $connection) {
        $connection->close();
    }
    echo "ok sessions $count\n";
}

$connection = connect();
expect((int)value($connection, 'SELECT 1') === 1, 'not one');
echo "ok connect\n";
for ($number = 0; $number < 12; ++$number) {
    plus($connection, $number);
}
echo "ok prepared\n";
transaction($connection);
echo "ok transaction\n";
multi_results($connection);
echo "ok multi-results\n";
$connection->query("LOAD DATA LOCAL INFILE '" . getenv('DRIVER_FILE') . "' INTO TABLE work_php");
expect((int)value($connection, 'SELECT count(*) FROM work_php WHERE n >= 1000000') === 1000, 'rows are missing');
echo "ok local-infile\n";
large($connection);
echo "ok large\n";
kill_query($connection);
echo "ok kill-query\n";
$connection->close();
sessions((int)getenv('DRIVER_SESSIONS'), (float)getenv('DRIVER_SECONDS'));
