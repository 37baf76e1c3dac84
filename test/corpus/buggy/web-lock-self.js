// A Web Lock is requested by the callback that has it.
// expects: deadlock session
await navigator.locks.request('session', async () => {
  await navigator.locks.request('session', () => {});
});
