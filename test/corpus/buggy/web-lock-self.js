/** A Web Lock is requested by the callback that has it. */
// expects: deadlock session
// node: 24
await navigator.locks.request('session', async () => {
  await navigator.locks.request('session', () => {});
});
