/** A CommonJS build whose service asks a worker. Ends at SIGTERM, by its shutdown hooks. */
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { SquaresModule } from './squares.module';

async function main(): Promise<void> {
  const app = await NestFactory.create(SquaresModule, { logger: ['warn', 'error'] });
  app.enableShutdownHooks();
  await app.listen(0, '127.0.0.1');
  console.log(`listening on ${app.getHttpServer().address().port}`);
}

void main();
