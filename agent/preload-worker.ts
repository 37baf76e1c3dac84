/**
 * What the gate loads in a worker: attaches the thread, when it brought a ticket. Runs on worker threads, before their first line, and is parsed in each
 * of them: it must import nothing that only the main thread needs.
 */
export { attachWorker as preload } from './app-thread/attach.ts';
