//! tokio-postgres on its defaults: every query is prepared by the protocol. See ../README.md.
use std::env;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{future::try_join_all, pin_mut, SinkExt, StreamExt};
use native_tls::TlsConnector;
use postgres_native_tls::MakeTlsConnector;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

fn connector() -> Result<MakeTlsConnector, Failure> {
    let tls = TlsConnector::builder().danger_accept_invalid_certs(true).danger_accept_invalid_hostnames(true).build()?;
    Ok(MakeTlsConnector::new(tls))
}

fn over_tls() -> bool {
    variable("PGSSLMODE") == "require"
}

async fn connect() -> Result<Client, Failure> {
    let mut config = Config::new();
    config.host(&variable("PGHOST")).port(variable("PGPORT").parse()?).user(&variable("PGUSER"));
    config.password(variable("PGPASSWORD")).dbname(&variable("PGDATABASE"));
    if over_tls() {
        config.ssl_mode(tokio_postgres::config::SslMode::Require);
        let (client, connection) = config.connect(connector()?).await?;
        tokio::spawn(connection);
        Ok(client)
    } else {
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }
}

async fn plus(client: &Client, number: i32) -> Result<(), Failure> {
    let row = client.query_one("SELECT $1::int + 1", &[&number]).await?;
    assert_eq!(row.get::<_, i32>(0), number + 1);
    Ok(())
}

async fn step(client: &mut Client, number: i32) -> Result<(), Failure> {
    let transaction = client.transaction().await?;
    let row = transaction.query_one("SELECT $1::int + 1", &[&number]).await?;
    assert_eq!(row.get::<_, i32>(0), number + 1);
    transaction.execute("INSERT INTO work_tokio VALUES ($1)", &[&number]).await?;
    transaction.commit().await?;
    Ok(())
}

async fn copy(client: &Client) -> Result<(), Failure> {
    let sink = client.copy_in("COPY work_tokio FROM STDIN").await?;
    pin_mut!(sink);
    sink.send(Bytes::from("7\n".repeat(1000))).await?;
    assert_eq!(sink.finish().await?, 1000);
    let stream = client.copy_out("COPY work_tokio TO STDOUT").await?;
    pin_mut!(stream);
    let mut rows = 0;
    while let Some(piece) = stream.next().await {
        rows += piece?.iter().filter(|byte| **byte == b'\n').count();
    }
    assert!(rows >= 1000);
    Ok(())
}

async fn cancel(client: &Client) -> Result<(), Failure> {
    let token = client.cancel_token();
    let canceller = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        if over_tls() {
            token.cancel_query(connector()?).await?;
        } else {
            token.cancel_query(NoTls).await?;
        }
        Ok::<(), Failure>(())
    });
    let error = client.batch_execute("SELECT pg_sleep(60)").await.expect_err("the query was not cancelled");
    assert_eq!(error.code(), Some(&SqlState::QUERY_CANCELED));
    canceller.await?
}

async fn session(mut client: Client, deadline: Instant) -> Result<(), Failure> {
    let mut number = 0;
    while number == 0 || Instant::now() < deadline {
        step(&mut client, number).await?;
        number += 1;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let count: usize = variable("DRIVER_SESSIONS").parse()?;
    let seconds: f64 = variable("DRIVER_SECONDS").parse()?;
    let mut client = connect().await?;
    client.simple_query("SELECT 1").await?;
    println!("ok connect");
    let statement = client.prepare("SELECT $1::int + 1").await?;
    for number in 0..12 {
        assert_eq!(client.query_one(&statement, &[&number]).await?.get::<_, i32>(0), number + 1);
    }
    plus(&client, 1).await?;
    println!("ok prepared");
    client.batch_execute("CREATE TABLE IF NOT EXISTS work_tokio (n int)").await?;
    let transaction = client.transaction().await?;
    transaction.execute("INSERT INTO work_tokio VALUES (-1)", &[]).await?;
    transaction.rollback().await?;
    println!("ok transaction");
    copy(&client).await?;
    println!("ok copy");
    cancel(&client).await?;
    plus(&client, 2).await?;
    println!("ok cancel");
    drop(statement);
    drop(client);
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(connect().await?);
    }
    let deadline = Instant::now() + Duration::from_secs_f64(seconds);
    try_join_all(clients.into_iter().map(|client| session(client, deadline))).await?;
    println!("ok sessions {count}");
    Ok(())
}
