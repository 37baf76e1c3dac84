/** Opposite orders of Web Locks, but the second one is only tried. */
// expects: nothing
// node: 24
const isFree = { ifAvailable: true };
const both = (first, second) =>
  navigator.locks.request(first, () => navigator.locks.request(second, isFree, (lock) => lock !== null));
for (let i = 0; i < 50; i++) await Promise.all([both('prices', 'stock'), both('stock', 'prices')]);
