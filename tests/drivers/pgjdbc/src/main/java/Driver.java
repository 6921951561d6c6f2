import java.io.StringReader;
import java.io.StringWriter;
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
import org.postgresql.PGConnection;

/** pgjdbc on its defaults: prepares by the protocol from the fifth execution on. See ../README.md. */
public final class Driver {
    static String env(String name) {
        return System.getenv(name);
    }

    static Connection connect() throws SQLException {
        var properties = new Properties();
        properties.setProperty("user", env("PGUSER"));
        properties.setProperty("password", env("PGPASSWORD"));
        properties.setProperty("sslmode", env("PGSSLMODE"));
        return DriverManager.getConnection(
            "jdbc:postgresql://" + env("PGHOST") + ":" + env("PGPORT") + "/" + env("PGDATABASE"), properties);
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

    static void transaction(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("CREATE TABLE IF NOT EXISTS work_jdbc (n int)");
            connection.setAutoCommit(false);
            statement.execute("INSERT INTO work_jdbc VALUES (-1)");
            connection.rollback();
            connection.setAutoCommit(true);
            try (ResultSet rows = statement.executeQuery("SELECT count(*) FROM work_jdbc WHERE n = -1")) {
                expect(rows.next() && rows.getInt(1) == 0, "the rollback did nothing");
            }
        }
        try (var batch = connection.prepareStatement("INSERT INTO work_jdbc VALUES (?)")) {
            for (int number = 0; number < 100; number++) {
                batch.setInt(1, number);
                batch.addBatch();
            }
            expect(batch.executeBatch().length == 100, "a short batch");
        }
    }

    static void copy(Connection connection) throws Exception {
        var copier = connection.unwrap(PGConnection.class).getCopyAPI();
        expect(copier.copyIn("COPY work_jdbc FROM STDIN", new StringReader("7\n".repeat(1000))) == 1000, "copy in");
        var out = new StringWriter();
        copier.copyOut("COPY work_jdbc TO STDOUT", out);
        expect(out.toString().lines().count() >= 1000, "copy out");
    }

    static void cancel(Connection connection) throws Exception {
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
            try {
                statement.execute("SELECT pg_sleep(60)");
                expect(false, "the query was not cancelled");
            } catch (SQLException error) {
                expect("57014".equals(error.getSQLState()), "cancelled with " + error.getSQLState());
            }
            canceller.join();
        }
    }

    static int session(Connection connection, long deadline) throws SQLException {
        int number = 0;
        connection.setAutoCommit(false);
        try (var sum = connection.prepareStatement("SELECT ?::int + 1");
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
            connections.add(connect());
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
        try (Connection connection = connect()) {
            expect(connection.isValid(5), "not valid");
            System.out.println("ok connect");
            try (var sum = connection.prepareStatement("SELECT ?::int + 1")) {
                for (int number = 0; number < 12; number++) {
                    plus(sum, number);
                }
            }
            System.out.println("ok prepared");
            transaction(connection);
            System.out.println("ok transaction");
            copy(connection);
            System.out.println("ok copy");
            cancel(connection);
            System.out.println("ok cancel");
        }
        sessions(Integer.parseInt(env("DRIVER_SESSIONS")), Double.parseDouble(env("DRIVER_SECONDS")));
    }
}
