/* The smallest server there is: what observing costs is the greatest share of its requests. Prints its address. */
const { createServer } = require('node:http');

const server = createServer((_, response) => response.end('hello'));
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
