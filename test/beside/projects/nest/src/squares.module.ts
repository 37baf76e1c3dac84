import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Controller, Get, Injectable, Module, Param, ParseIntPipe } from '@nestjs/common';

@Injectable()
export class Squares {
  async of(n: number): Promise<number> {
    const [square] = await once(
      new Worker(join(__dirname, 'square.js'), { name: 'squares', workerData: n }),
      'message',
    );
    return square;
  }
}

@Controller('squares')
export class SquaresController {
  constructor(private readonly squares: Squares) {}

  @Get(':n')
  async square(@Param('n', ParseIntPipe) n: number): Promise<{ square: number }> {
    return { square: await this.squares.of(n) };
  }
}

@Module({ controllers: [SquaresController], providers: [Squares] })
export class SquaresModule {}
