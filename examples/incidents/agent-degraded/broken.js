/**
 * GridwatchAgentDegraded: a shop lets plugins work out discounts. Each plugin has a context of its own, and a port into it, by which it is asked and answers. The port is
 * moved there, where the agent does not see it: of its messages nobody knows any more how many wait, for how long, and for which request.
 *
 * The way out is `fixed.js`: the port stays, and the plugin is given functions.
 */
import { createContext, runInContext } from 'node:vm';
import { MessageChannel, moveMessagePortToContext } from 'node:worker_threads';
import { clients } from '../service.js';

const PLUGINS = [
  'port.onmessage = ({ data }) => port.postMessage(data > 100 ? data / 10 : 0);',
  'port.onmessage = ({ data }) => port.postMessage(data % 7 === 0 ? 7 : 0);',
];

function start(plugin) {
  const { port1, port2 } = new MessageChannel();
  const context = createContext({});
  // A mistake to find: what is moved to another context is out of sight, on both sides.
  context.port = moveMessagePortToContext(port2, context);
  runInContext(plugin, context);
  context.port.start();
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
