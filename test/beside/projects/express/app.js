/** A server whose pool of workers squares numbers. Ends at SIGTERM. */
'use strict';

const { join } = require('node:path');
const express = require('express');
const { Piscina } = require('piscina');

const pool = new Piscina({ filename: join(__dirname, 'square.js'), minThreads: 1, maxThreads: 1 });
const app = express();

app.get('/squares/:n', async (request, response) => {
  response.json({ square: await pool.run(Number(request.params.n)) });
});
app.get('/fails', () => {
  throw new Error('as asked');
});
app.use((error, _request, response, _next) => response.status(500).json({ error: error.message }));

const server = app.listen(0, '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
process.once('SIGTERM', () => server.close(() => pool.close()));
