/*
 * The gate: the one file that `--require`, `--import` or NODE_OPTIONS names. It runs on every thread of the program before the program does, and
 * is plain ES5, so that the oldest Node and every other runtime can read it far enough to be told why nothing happens. It must not throw: where
 * Gridwatch cannot run, it says so in one line on stderr and returns, and the program runs as if it were not there.
 */
'use strict';
(function gate() {
  var MINIMUM = [22, 15];
  try {
    var ticket = takeTicket();
    var env = process.env;
    var log = String(env.GRIDWATCH_LOG || '')
      .trim()
      .toLowerCase();
    var say = function (message) {
      try {
        if (log === 'off' || !require('worker_threads').isMainThread) return;
        require('fs').writeSync(2, 'gridwatch: ' + message + '\n');
      } catch (_) {
        /* stderr is closed: there is nobody to tell. */
      }
    };
    if (process.versions.bun || process.versions.deno) {
      say(
        'off: this is ' +
          (process.versions.bun ? 'Bun' : 'Deno') +
          ', and Gridwatch observes Node.js only; the program runs without it'
      );
      return;
    }
    var version = process.versions.node.split('.');
    if (+version[0] < MINIMUM[0] || (+version[0] === MINIMUM[0] && +version[1] < MINIMUM[1])) {
      say(
        'off: Node ' +
          process.versions.node +
          ' is too old, ' +
          MINIMUM.join('.') +
          ' or newer is needed; the program runs without it'
      );
      return;
    }
    /* The gridwatch command itself, reached through NODE_OPTIONS: what it starts is observed, not it. */
    var command = String(process.argv[1] || '');
    if (
      /[\\/](?:bin|\.bin)[\\/]gridwatch$/.test(command) ||
      (command.indexOf(__dirname) === 0 && /[\\/]cli[\\/]main\.[jt]s$/.test(command))
    )
      return;
    if (/^(false|0|no|off)$/i.test(String(env.GRIDWATCH_ENABLED || '').trim())) {
      say('off: GRIDWATCH_ENABLED=' + env.GRIDWATCH_ENABLED.trim());
      return;
    }
    if (/^true$/i.test(String(env.OTEL_SDK_DISABLED || '').trim())) {
      say('off: OTEL_SDK_DISABLED=' + env.OTEL_SDK_DISABLED.trim());
      return;
    }
    try {
      /* In the package this file stands beside the compiled preloads, in the repository beside their sources. */
      var isBuilt = /[\\/]dist$/.test(__dirname);
      require(
        require('worker_threads').isMainThread
          ? isBuilt
            ? './preload.js'
            : './preload.ts'
          : isBuilt
            ? './preload-worker.cjs'
            : './preload-worker.ts'
      ).preload(__filename, module.constructor, ticket);
    } catch (error) {
      say(
        'off: it could not be loaded (' +
          ((error && (error.code || error.message)) || error) +
          '); the program runs without it'
      );
    }
  } catch (_) {
    /* Whatever it was, the program comes first. */
  }

  /* A worker's spawn ticket (app-thread/ticket.ts), out of the program's sight before anything else can happen, be it that this thread stays off. */
  function takeTicket() {
    try {
      var threads = require('worker_threads');
      var found = threads.isMainThread ? undefined : threads.getEnvironmentData('gridwatch.ticket');
      if (found !== undefined) threads.setEnvironmentData('gridwatch.ticket', undefined);
      return found;
    } catch (_) {
      return undefined;
    }
  }
})();
