/** A pool of two workers squares four numbers. */
'use strict';

const { join } = require('node:path');
const { Piscina } = require('piscina');

async function main() {
  const pool = new Piscina({ filename: join(__dirname, 'square.js'), minThreads: 2, maxThreads: 2 });
  const squares = await Promise.all([1, 2, 3, 4].map((n) => pool.run(n)));
  console.log(squares.join(' '));
  await pool.close();
}

void main();
