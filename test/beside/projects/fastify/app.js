/** A server that validates its parameters, and logs on the thread that pino starts for it. Ends at SIGTERM. */
import Fastify from 'fastify';

const app = Fastify({ logger: { transport: { target: 'pino/file', options: { destination: '/dev/null' } } } });
const schema = { params: { type: 'object', properties: { n: { type: 'integer' } } } };

app.get('/squares/:n', { schema }, async ({ params }) => ({ square: params.n ** 2 }));

await app.listen({ host: '127.0.0.1', port: 0 });
console.log(`listening on ${app.server.address().port}`);
process.once('SIGTERM', () => app.close());
