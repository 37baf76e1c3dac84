/**
 * The twin of `broken.js` whose plugins are given functions: their messages go through a port that stays with the shop.
 */
import { createContext, runInContext } from 'node:vm';
import { MessageChannel } from 'node:worker_threads';
import { clients } from '../service.js';

const PLUGINS = [
  'onPrice = (price) => answer(price > 100 ? price / 10 : 0);',
  'onPrice = (price) => answer(price % 7 === 0 ? 7 : 0);',
];

function start(plugin) {
  const { port1, port2 } = new MessageChannel();
  const context = createContext({ answer: (discount) => port2.postMessage(discount), onPrice: undefined });
  port2.on('message', (price) => context.onPrice(price));
  runInContext(plugin, context);
  return port1;
}

const ports = PLUGINS.map(start);

const discount = (port, price) =>
  new Promise((resolve) => {
    port.once('message', resolve);
    port.postMessage(price);
  });

clients(1, 100, async (_, number) => {
  for (const port of ports) await discount(port, number % 200);
});
