/** Uses the workspace beside it, which has a worker. */
import { square } from 'beside-squares';

console.log(await square(7));
