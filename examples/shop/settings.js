/**
 * The shop's settings, read from the environment. Runs in the server's process and in the load generator's. It never
 * guesses: a value that is not understood is reported, all of them at once, and the shop does not start.
 *
 *     SHOP_PORT     0        port on 127.0.0.1; 0 takes a free one, and the first line printed names it
 *     SHOP_LOAD     on       on: a load generator runs in a process of its own; off: the shop only serves
 *     SHOP_SECONDS  60       with load: how long it lasts, then the shop ends by itself
 *     SHOP_RATE     40       with load: requests per second between bursts; a burst adds eight times as many
 *     SHOP_SEED     1        with load: seed of the random numbers, so that two runs send the same mix
 *     SHOP_STOCK    100000   units of each product when the shop opens
 */
const WHOLE_NUMBERS = {
  SHOP_PORT: { fallback: 0, min: 0, max: 65_535 },
  SHOP_SECONDS: { fallback: 60, min: 1, max: 86_400 },
  SHOP_RATE: { fallback: 40, min: 1, max: 2_000 },
  SHOP_SEED: { fallback: 1, min: 0, max: 4_294_967_295 },
  SHOP_STOCK: { fallback: 100_000, min: 0, max: 1_000_000 },
};

/** Returns `{ settings, problems }`; `problems` holds one sentence for each value that is not understood. */
export function readSettings(env) {
  const problems = [];
  const number = (name) => {
    const { fallback, min, max } = WHOLE_NUMBERS[name];
    const text = env[name]?.trim() ?? '';
    if (text === '') return fallback;
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    problems.push(`${name} is "${text}"; it must be a whole number from ${min} to ${max}.`);
    return fallback;
  };
  const load = env.SHOP_LOAD?.trim() || 'on';
  if (load !== 'on' && load !== 'off') problems.push(`SHOP_LOAD is "${load}"; it must be "on" or "off".`);
  const settings = {
    port: number('SHOP_PORT'),
    hasLoad: load !== 'off',
    loadMs: number('SHOP_SECONDS') * 1000,
    ratePerSecond: number('SHOP_RATE'),
    seed: number('SHOP_SEED'),
    unitsPerProduct: number('SHOP_STOCK'),
  };
  return { settings, problems };
}
