// mysql2 on its defaults: query() is text, execute() is prepared by the protocol. See ../../README.md.
'use strict';
const fs = require('fs');
const mysql = require('mysql2/promise');

const large = 33 * 1024 * 1024;
const sessions = Number(process.env.DRIVER_SESSIONS);
const seconds = Number(process.env.DRIVER_SECONDS);

function connect() {
  return mysql.createConnection({
    host: process.env.DRIVER_HOST,
    port: Number(process.env.DRIVER_PORT),
    user: process.env.DRIVER_USER,
    password: process.env.DRIVER_PASSWORD,
    database: process.env.DRIVER_DATABASE,
    multipleStatements: true,
    compress: process.env.DRIVER_COMPRESSED === '1',
    ...(process.env.DRIVER_TLS === '1' ? { ssl: { rejectUnauthorized: false } } : {}),
  });
}

function expect(condition, what) {
  if (!condition) throw new Error(what);
}

async function value(connection, statement, values) {
  const [rows] = await connection.query(statement, values);
  return Object.values(rows[0])[0];
}

async function plus(connection, number) {
  const [rows] = await connection.execute('SELECT ? + 1 AS n', [number]);
  expect(Number(rows[0].n) === number + 1, 'a wrong sum');
}

async function step(connection, number) {
  await connection.beginTransaction();
  await plus(connection, number);
  await connection.query('INSERT INTO work_node VALUES (?)', [number]);
  await connection.commit();
}

async function transaction(connection) {
  await connection.query('CREATE TABLE IF NOT EXISTS work_node (n int)');
  await connection.beginTransaction();
  await connection.query('INSERT INTO work_node VALUES (-1)');
  await connection.rollback();
  expect(await value(connection, 'SELECT count(*) FROM work_node WHERE n = -1') === 0, 'the rollback did nothing');
}

async function localInfile(connection) {
  await connection.query({
    sql: `LOAD DATA LOCAL INFILE '${process.env.DRIVER_FILE}' INTO TABLE work_node`,
    infileStreamFactory: (path) => fs.createReadStream(path),
  });
  expect(await value(connection, 'SELECT count(*) FROM work_node WHERE n >= 1000000') === 1000, 'rows are missing');
}

async function killQuery(connection) {
  const id = await value(connection, 'SELECT CONNECTION_ID()');
  const began = Date.now();
  const sleeping = value(connection, 'SELECT SLEEP(60)').then(
    (got) => expect(got === 1, 'the query was not killed'),
    (error) => expect(error.errno === 1317, `killed with ${error.errno}`));
  await new Promise((resolve) => setTimeout(resolve, 300));
  const other = await connect();
  await other.query(`KILL QUERY ${id}`);
  await sleeping;
  await other.end();
  expect(Date.now() - began < 30000, 'the query was not killed');
  expect(await value(connection, 'SELECT 5') === 5, 'after the kill');
}

async function session(connection, deadline) {
  let number = 0;
  do await step(connection, number++); while (Date.now() < deadline);
  await connection.end();
}

async function main() {
  const connection = await connect();
  await connection.ping();
  console.log('ok connect');
  for (let number = 0; number < 12; number++) await plus(connection, number);
  console.log('ok prepared');
  await transaction(connection);
  console.log('ok transaction');
  const [results] = await connection.query('SELECT 1 AS n; SELECT 2 AS n; DO 0; SELECT 4 AS n');
  expect(results.flat().reduce((sum, row) => sum + (row.n || 0), 0) === 7, 'multi-results');
  console.log('ok multi-results');
  await localInfile(connection);
  console.log('ok local-infile');
  expect(await value(connection, 'SELECT LENGTH(?)', ['x'.repeat(large)]) === large, 'a large statement');
  expect((await value(connection, `SELECT REPEAT('y', ${large})`)).length === large, 'a large row');
  console.log('ok large');
  await killQuery(connection);
  console.log('ok kill-query');
  await connection.end();
  const connections = [];
  for (let number = 0; number < sessions; number++) connections.push(await connect());
  const deadline = Date.now() + seconds * 1000;
  await Promise.all(connections.map((one) => session(one, deadline)));
  console.log(`ok sessions ${sessions}`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
