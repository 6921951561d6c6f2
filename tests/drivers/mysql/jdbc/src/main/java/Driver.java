import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** MySQL Connector/J ("mysql") or MariaDB Connector/J ("mariadb") on its defaults; prepares by the protocol where asked to.
 *  See ../../README.md. */
public final class Driver {
    static final int LARGE = 33 << 20;
    static String kind;

    static String env(String name) {
        return System.getenv(name);
    }

    static Connection connect(boolean prepares) throws SQLException {
        var tls = env("DRIVER_TLS").equals("1");
        var properties = new Properties();
        properties.setProperty("user", env("DRIVER_USER"));
        properties.setProperty("password", env("DRIVER_PASSWORD"));
        properties.setProperty("allowMultiQueries", "true");
        properties.setProperty("useCompression", env("DRIVER_COMPRESSED").equals("1") ? "true" : "false");
        if (prepares) {
            properties.setProperty("useServerPrepStmts", "true");
        }
        if (kind.equals("mysql")) {
            properties.setProperty("sslMode", tls ? "REQUIRED" : "DISABLED");
            properties.setProperty("allowPublicKeyRetrieval", "true");
            properties.setProperty("allowLoadLocalInfile", "true");
        } else {
            properties.setProperty("sslMode", tls ? "trust" : "disable");
            properties.setProperty("allowLocalInfile", "true");
        }
        return DriverManager.getConnection("jdbc:" + kind + "://" + env("DRIVER_HOST") + ":" + env("DRIVER_PORT") + "/"
            + env("DRIVER_DATABASE"), properties);
    }

    static void expect(boolean condition, String what) {
        if (!condition) {
            throw new IllegalStateException(what);
        }
    }

    static void plus(PreparedStatement statement, int number) throws SQLException {
        statement.setInt(1, number);
        try (ResultSet rows = statement.executeQuery()) {
            expect(rows.next() && rows.getInt(1) == number + 1, "a wrong sum");
        }
    }

    /** Connector/J has query attributes; in front of a MariaDB nothing comes of them. */
    static void give(Statement statement, String attribute) throws SQLException {
        if (kind.equals("mysql")) {
            statement.unwrap(com.mysql.cj.jdbc.JdbcStatement.class).setAttribute("trace", attribute);
        }
    }

    static int number(Connection connection, String text) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(text)) {
            expect(rows.next(), "no row");
            return rows.getInt(1);
        }
    }

    static void transaction(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("CREATE TABLE IF NOT EXISTS work_jdbc (n int)");
            connection.setAutoCommit(false);
            statement.execute("INSERT INTO work_jdbc VALUES (-1)");
            connection.rollback();
            connection.setAutoCommit(true);
        }
        expect(number(connection, "SELECT count(*) FROM work_jdbc WHERE n = -1") == 0, "the rollback did nothing");
        try (var batch = connection.prepareStatement("INSERT INTO work_jdbc VALUES (?)")) {
            for (int number = 0; number < 100; number++) {
                batch.setInt(1, number);
                batch.addBatch();
            }
            expect(batch.executeBatch().length == 100, "a short batch");
        }
    }

    static void multiResults(Connection connection) throws SQLException {
        int sum = 0;
        try (Statement statement = connection.createStatement()) {
            give(statement, "text");
            boolean rows = statement.execute("SELECT 1; SELECT 2; DO 0; SELECT 4");
            while (rows || statement.getUpdateCount() != -1) {
                if (rows) {
                    try (ResultSet result = statement.getResultSet()) {
                        expect(result.next(), "no row");
                        sum += result.getInt(1);
                    }
                }
                rows = statement.getMoreResults();
            }
        }
        expect(sum == 7, "multi-results");
    }

    static void localInfile(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("LOAD DATA LOCAL INFILE '" + env("DRIVER_FILE") + "' INTO TABLE work_jdbc");
        }
        expect(number(connection, "SELECT count(*) FROM work_jdbc WHERE n >= 1000000") == 1000, "rows are missing");
    }

    static void large(Connection connection) throws SQLException {
        try (var length = connection.prepareStatement("SELECT LENGTH(?)")) {
            length.setString(1, "x".repeat(LARGE));
            try (ResultSet rows = length.executeQuery()) {
                expect(rows.next() && rows.getInt(1) == LARGE, "a large parameter");
            }
        }
        try (Statement statement = connection.createStatement();
             ResultSet rows = statement.executeQuery("SELECT REPEAT('y', " + LARGE + ")")) {
            expect(rows.next() && rows.getString(1).length() == LARGE, "a large row");
        }
    }

    static void killQuery(Connection connection) throws Exception {
        long began = System.nanoTime();
        try (Statement statement = connection.createStatement()) {
            var canceller = new Thread(() -> {
                try {
                    Thread.sleep(300);
                    statement.cancel();
                } catch (InterruptedException | SQLException error) {
                    error.printStackTrace();
                }
            });
            canceller.start();
            try (ResultSet rows = statement.executeQuery("SELECT SLEEP(60)")) {
                expect(rows.next() && rows.getInt(1) == 1, "the query was not killed");
            } catch (SQLException error) {
                expect(error.getErrorCode() == 1317 || error.getErrorCode() == 0, "killed with " + error);
            }
            canceller.join();
        }
        expect(System.nanoTime() - began < 30e9, "the query was not killed");
        expect(number(connection, "SELECT 5") == 5, "after the kill");
    }

    static int session(Connection connection, long deadline) throws SQLException {
        int number = 0;
        connection.setAutoCommit(false);
        try (var sum = connection.prepareStatement("SELECT ? + 1");
             var insert = connection.prepareStatement("INSERT INTO work_jdbc VALUES (?)")) {
            do {
                plus(sum, number);
                insert.setInt(1, number++);
                insert.executeUpdate();
                connection.commit();
            } while (System.nanoTime() < deadline);
        }
        connection.close();
        return number;
    }

    static void sessions(int count, double seconds) throws Exception {
        List<Connection> connections = new ArrayList<>();
        for (int number = 0; number < count; number++) {
            connections.add(connect(number % 2 == 1));
        }
        long deadline = System.nanoTime() + (long) (seconds * 1e9);
        ExecutorService threads = Executors.newFixedThreadPool(count);
        List<Callable<Integer>> tasks = new ArrayList<>();
        for (Connection connection : connections) {
            tasks.add(() -> session(connection, deadline));
        }
        for (Future<Integer> done : threads.invokeAll(tasks)) {
            expect(done.get() > 0, "no progress");
        }
        threads.shutdown();
        System.out.println("ok sessions " + count);
    }

    public static void main(String[] arguments) throws Exception {
        kind = arguments[0];
        try (Connection connection = connect(false)) {
            expect(connection.isValid(5), "not valid");
            System.out.println("ok connect");
            try (Connection preparing = connect(true); var sum = preparing.prepareStatement("SELECT ? + 1")) {
                for (int number = 0; number < 12; number++) {
                    give(sum, "prepared " + number);
                    plus(sum, number);
                }
            }
            System.out.println("ok prepared");
            transaction(connection);
            System.out.println("ok transaction");
            multiResults(connection);
            System.out.println("ok multi-results");
            localInfile(connection);
            System.out.println("ok local-infile");
            large(connection);
            System.out.println("ok large");
            killQuery(connection);
            System.out.println("ok kill-query");
        }
        sessions(Integer.parseInt(env("DRIVER_SESSIONS")), Double.parseDouble(env("DRIVER_SECONDS")));
    }
}
