/** `node --require gridwatch/register app.js`: loading it starts the agent. It exports nothing. */
export {};
