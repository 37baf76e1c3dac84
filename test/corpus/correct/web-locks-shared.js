/** Web Locks in both orders, shared. */
// expects: nothing
// node: 24
const shared = { mode: 'shared' };
const both = (first, second) =>
  navigator.locks.request(first, shared, () => navigator.locks.request(second, shared, () => {}));
for (let i = 0; i < 50; i++) await Promise.all([both('prices', 'stock'), both('stock', 'prices')]);
