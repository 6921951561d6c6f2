//! sqlx on its defaults: every query with arguments is prepared by the protocol. See ../../README.md.
use std::env;
use std::time::{Duration, Instant};

use futures_util::{future::try_join_all, TryStreamExt};
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::{ConnectOptions, Connection, Either, Executor, MySqlConnection, Row};

const LARGE: usize = 33 << 20;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

async fn connect() -> Result<MySqlConnection, Failure> {
    let mode = if variable("DRIVER_TLS") == "1" { MySqlSslMode::Required } else { MySqlSslMode::Disabled };
    let options = MySqlConnectOptions::new()
        .host(&variable("DRIVER_HOST"))
        .port(variable("DRIVER_PORT").parse()?)
        .username(&variable("DRIVER_USER"))
        .password(&variable("DRIVER_PASSWORD"))
        .database(&variable("DRIVER_DATABASE"))
        .ssl_mode(mode);
    Ok(options.connect().await?)
}

async fn plus(connection: &mut MySqlConnection, number: i64) -> Result<(), Failure> {
    let sum: i64 = sqlx::query_scalar("SELECT ? + 1").bind(number).fetch_one(connection).await?;
    assert_eq!(sum, number + 1);
    Ok(())
}

async fn step(connection: &mut MySqlConnection, number: i64) -> Result<(), Failure> {
    let mut transaction = connection.begin().await?;
    plus(&mut transaction, number).await?;
    sqlx::query("INSERT INTO work_sqlx VALUES (?)").bind(number).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(())
}

async fn transaction(connection: &mut MySqlConnection) -> Result<(), Failure> {
    connection.execute("CREATE TABLE IF NOT EXISTS work_sqlx (n bigint)").await?;
    let mut begun = connection.begin().await?;
    sqlx::query("INSERT INTO work_sqlx VALUES (-1)").execute(&mut *begun).await?;
    begun.rollback().await?;
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM work_sqlx WHERE n = -1").fetch_one(connection).await?;
    assert_eq!(left, 0);
    Ok(())
}

async fn multi_results(connection: &mut MySqlConnection) -> Result<(), Failure> {
    let mut rows = sqlx::raw_sql("SELECT 1 AS n; SELECT 2 AS n; DO 0; SELECT 4 AS n").fetch_many(connection);
    let mut sum = 0;
    while let Some(step) = rows.try_next().await? {
        if let Either::Right(row) = step {
            sum += row.try_get::<i64, _>(0)?;
        }
    }
    assert_eq!(sum, 7);
    Ok(())
}

async fn large(connection: &mut MySqlConnection) -> Result<(), Failure> {
    let length: i64 = sqlx::query_scalar("SELECT LENGTH(?)").bind("x".repeat(LARGE)).fetch_one(&mut *connection).await?;
    assert_eq!(length as usize, LARGE);
    let row: String = sqlx::query_scalar("SELECT REPEAT('y', ?)").bind(LARGE as i64).fetch_one(connection).await?;
    assert_eq!(row.len(), LARGE);
    Ok(())
}

async fn kill_query(connection: &mut MySqlConnection) -> Result<(), Failure> {
    let id: u64 = sqlx::query_scalar("SELECT CONNECTION_ID()").fetch_one(&mut *connection).await?;
    let began = Instant::now();
    let killer = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mut other = connect().await?;
        other.execute(format!("KILL QUERY {id}").as_str()).await?;
        other.close().await?;
        Ok::<(), Failure>(())
    });
    let slept = sqlx::query_scalar::<_, i64>("SELECT SLEEP(60)").fetch_one(&mut *connection).await;
    match slept {
        Ok(value) => assert_eq!(value, 1),
        Err(sqlx::Error::Database(error)) => assert_eq!(error.code().as_deref(), Some("70100")),
        Err(other) => return Err(other.into()),
    }
    killer.await??;
    assert!(began.elapsed() < Duration::from_secs(30));
    Ok(())
}

async fn session(mut connection: MySqlConnection, deadline: Instant) -> Result<(), Failure> {
    let mut number = 0;
    while number == 0 || Instant::now() < deadline {
        step(&mut connection, number).await?;
        number += 1;
    }
    connection.close().await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let count: usize = variable("DRIVER_SESSIONS").parse()?;
    let seconds: f64 = variable("DRIVER_SECONDS").parse()?;
    let mut connection = connect().await?;
    connection.ping().await?;
    println!("ok connect");
    for number in 0..12 {
        plus(&mut connection, number).await?;
    }
    println!("ok prepared");
    transaction(&mut connection).await?;
    println!("ok transaction");
    multi_results(&mut connection).await?;
    println!("ok multi-results");
    large(&mut connection).await?;
    println!("ok large");
    kill_query(&mut connection).await?;
    plus(&mut connection, 5).await?;
    println!("ok kill-query");
    connection.close().await?;
    let mut connections = Vec::new();
    for _ in 0..count {
        connections.push(connect().await?);
    }
    let deadline = Instant::now() + Duration::from_secs_f64(seconds);
    try_join_all(connections.into_iter().map(|connection| session(connection, deadline))).await?;
    println!("ok sessions {count}");
    Ok(())
}
