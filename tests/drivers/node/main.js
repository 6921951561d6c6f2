// node-postgres on its defaults; named queries are prepared by the protocol. See ../README.md. It has no COPY.
'use strict';
const { Client } = require('pg');

const tls = process.env.PGSSLMODE === 'require';
const sessions = Number(process.env.DRIVER_SESSIONS);
const seconds = Number(process.env.DRIVER_SECONDS);
// PGSSLMODE would make the driver verify the certificate; the contract says not to.
delete process.env.PGSSLMODE;

async function connect() {
  const client = new Client(tls ? { ssl: { rejectUnauthorized: false } } : {});
  await client.connect();
  return client;
}

function expect(condition, what) {
  if (!condition) throw new Error(what);
}

async function plus(client, number) {
  const result = await client.query({ name: 'plus', text: 'SELECT $1::int + 1 AS n', values: [number] });
  expect(result.rows[0].n === number + 1, 'a wrong sum');
}

async function step(client, number) {
  await client.query('BEGIN');
  await plus(client, number);
  await client.query('INSERT INTO work_node VALUES ($1)', [number]);
  await client.query('COMMIT');
}

async function cancel(client) {
  const other = new Client();
  const sleeping = client.query('SELECT pg_sleep(60)').then(
    () => { throw new Error('the query was not cancelled'); },
    (error) => expect(error.code === '57014', `cancelled with ${error.code}`));
  await new Promise((resolve) => setTimeout(resolve, 300));
  // As the driver's own cancel does: a connection for the request alone, plain even where sessions use TLS.
  const request = other.connection;
  request.on('error', () => {});
  request.connect(client.port, client.host);
  request.on('connect', () => request.cancel(client.processID, client.secretKey));
  await sleeping;
}

async function session(client, deadline) {
  let number = 0;
  do await step(client, number++); while (Date.now() < deadline);
  await client.end();
}

async function main() {
  const client = await connect();
  await client.query('SELECT 1');
  console.log('ok connect');
  for (let number = 0; number < 12; number++) await plus(client, number);
  console.log('ok prepared');
  await client.query('CREATE TABLE IF NOT EXISTS work_node (n int)');
  await client.query('BEGIN');
  await client.query('INSERT INTO work_node VALUES (-1)');
  await client.query('ROLLBACK');
  const left = await client.query('SELECT count(*)::int AS c FROM work_node WHERE n = -1');
  expect(left.rows[0].c === 0, 'the rollback did nothing');
  console.log('ok transaction');
  await cancel(client);
  await plus(client, 1);
  console.log('ok cancel');
  await client.end();
  const clients = [];
  for (let number = 0; number < sessions; number++) clients.push(await connect());
  const deadline = Date.now() + seconds * 1000;
  await Promise.all(clients.map((one) => session(one, deadline)));
  console.log(`ok sessions ${sessions}`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
