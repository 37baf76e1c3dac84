/**
 * One run of `gridwatch run --ui`: builds receiver, window, forwarder and display, starts the program, and takes everything
 * down in order when it has ended. It runs in the process of the command. What the program does (its exit code, its output,
 * the time it needs to end) must not depend on whether the view works.
 */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { setInterval } from 'node:timers';
import { handSignalsOn, type Outcome } from '../child-signals.ts';
import { quotaOf } from '../doctor/machine.ts';
import { renderReport } from './findings/report.ts';
import type { Evidence } from './findings/rule.ts';
import { Forwarder } from './forwarder.ts';
import { LineDisplay } from './line-display.ts';
import { LiveDisplay } from './live-display.ts';
import { lookOf } from './paint.ts';
import { printable } from './printable.ts';
import { type Receiver, startReceiver } from './receiver.ts';
import { requestCostsOf } from './request-cost.ts';
import { listOf, type Rerouting, reroute } from './reroute.ts';
import { busiestMain, summarise } from './summary.ts';
import type { Frame } from './view.ts';
import { siteText } from './window/span-log.ts';
import { type AgentEvent, WINDOW_MS, Window } from './window/window.ts';

/** What "now" is in the view: long enough for three collections at the interval set for the program. */
const NOW_MS = 3000;

/** A terminal and npm both send the SIGINT of one Ctrl-C; what comes this soon after the first is the same. */
const SAME_CTRL_C_MS = 1000;

/** For the output of the program's own children, which may hold its pipes open for ever. */
const LAST_OUTPUT_MS = 1000;

/** For the user's endpoint to take what is still queued. */
const FORWARD_DEADLINE_MS = 2000;

/** Events beside the notes of the run. */
const MAX_EVENTS_SHOWN = 2;

export interface ViewedProgram {
  /** What Node is started with: options, the program's file, its arguments. */
  readonly nodeArguments: readonly string[];
  /** How the view names it. */
  readonly name: string;
}

/** Runs the program under the view. Returns how it ended. */
export async function runWithView(program: ViewedProgram): Promise<Outcome> {
  const session = new Session(program);
  return session.run();
}

class Session {
  readonly #program: ViewedProgram;
  readonly #window = new Window();
  readonly #display: LiveDisplay | LineDisplay;
  readonly #startedMs = Date.now();
  #interruptedMs = 0;
  #receiver: Receiver | undefined;
  #rerouting: Rerouting | undefined;
  #forwarder: Forwarder | undefined;
  #notes: string[] = [];

  constructor(program: ViewedProgram) {
    this.#program = program;
    const isTerminal = process.stdout.isTTY && process.env['TERM'] !== 'dumb';
    this.#display = isTerminal ? new LiveDisplay() : new LineDisplay();
  }

  async run(): Promise<Outcome> {
    await this.#openReceiver();
    const child = this.#start();
    this.#display.open();
    const pruning = setInterval(() => this.#window.prune(Date.now()), 5000);
    const drawing = setInterval(() => this.#guard(() => this.#show()), this.#display.intervalMs);
    // An error of the view's own, wherever it arises, must not take the program's parent away.
    const survive = (error: unknown): void => this.#fail(error);
    process.on('uncaughtException', survive);
    try {
      const outcome = await ended(child);
      await this.#forwarder?.close(FORWARD_DEADLINE_MS);
      await this.#receiver?.close();
      this.#display.close();
      this.#guard(() => this.#report(outcome));
      return outcome;
    } finally {
      clearInterval(drawing);
      clearInterval(pruning);
      this.#display.close();
      process.off('uncaughtException', survive);
    }
  }

  async #openReceiver(): Promise<void> {
    this.#receiver = await startReceiver({
      onReceived: (batch, body) => {
        this.#forwarder?.ship(body);
        this.#guard(() => this.#window.ingest(batch, Date.now()));
      },
    });
    this.#rerouting = reroute(process.env, this.#receiver.url);
    this.#notes = [...this.#rerouting.notes];
    if (this.#rerouting.destinations.size === 0) return;
    try {
      this.#forwarder = new Forwarder(this.#rerouting.destinations);
    } catch (error) {
      this.#notes.push(`Nothing is shipped to your endpoint: ${messageOf(error)}.`);
    }
  }

  #start(): ChildProcess {
    const display = this.#display;
    const isLive = display instanceof LiveDisplay;
    // A stream that goes to a file or a pipe goes there untouched; only what would write over the screen is caught.
    const stdio: StdioOptions = [
      'inherit',
      isLive ? 'pipe' : 'inherit',
      isLive && process.stderr.isTTY ? 'pipe' : 'inherit',
    ];
    const env = { ...this.#rerouting?.env };
    // The agent would take the pipe for a log and write JSON.
    if (isLive) env['GRIDWATCH_LOG'] ||= 'text';
    const child = spawn(process.execPath, this.#program.nodeArguments, { stdio, env });
    if (isLive) {
      child.stdout?.on('data', (bytes: Buffer) => display.write('stdout', bytes));
      child.stderr?.on('data', (bytes: Buffer) => display.write('stderr', bytes));
    }
    handSignalsOn(child, () => this.#interrupt(child));
    return child;
  }

  #interrupt(child: ChildProcess): void {
    const nowMs = Date.now();
    if (this.#interruptedMs === 0) this.#interruptedMs = nowMs;
    else if (nowMs - this.#interruptedMs > SAME_CTRL_C_MS) child.kill('SIGKILL');
  }

  #show(): void {
    const nowMs = Date.now();
    // The newest data there is: a stretch up to the wall clock would end in a gap that looks like rest.
    const collectedMs = Math.max(0, ...this.#window.processes.map((entry) => entry.collectedMs));
    const toMs = nowMs - collectedMs < 2 * NOW_MS ? collectedMs : nowMs;
    const frame: Omit<Frame, 'output'> = {
      program: this.#program.name,
      elapsedMs: nowMs - this.#startedMs,
      now: summarise(this.#window, toMs - NOW_MS, toMs, availableParallelism()),
      hint: this.#interruptedMs === 0 ? 'Ctrl-C ends it' : 'It is ending; Ctrl-C again kills it',
      notes: [...this.#notes, ...this.#window.events.slice(-MAX_EVENTS_SHOWN).map(toNote)],
      forwarded: this.#forwarder?.stats,
      refusedCount: this.#receiver?.refusedCount ?? 0,
    };
    this.#display.show(frame);
  }

  #report(outcome: Outcome): void {
    const nowMs = Date.now();
    const fromMs = Math.max(this.#startedMs, nowMs - WINDOW_MS);
    const summary = summarise(this.#window, fromMs, nowMs, availableParallelism());
    const evidence: Evidence = {
      summary,
      costs: requestCostsOf(this.#window, busiestMain(summary)?.process, fromMs, nowMs),
      cpuQuota: quotaOf(),
      lockSites: listOf(process.env['GRIDWATCH_ATOMICS_SITES']),
      forwarded: this.#forwarder?.stats,
      refusedCount: this.#receiver?.refusedCount ?? 0,
    };
    const stream = this.#display instanceof LiveDisplay ? process.stdout : process.stderr;
    const look = lookOf(stream, process.env);
    const lines = renderReport(evidence, { ...look, hasColor: look.hasColor && stream.isTTY });
    this.#display.report([...endingOf(this.#program.name, outcome), ...this.#notes, ...lines]);
  }

  /** What fails here is the view's own affair. */
  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#display.close();
    const note = `the view failed and is gone, the program goes on: ${messageOf(error)}`;
    if (this.#notes.includes(note)) return;
    this.#notes.push(note);
    process.stderr.write(`gridwatch: ${note}\n`);
  }
}

/** Waits until the program has ended and its output is read. */
async function ended(child: ChildProcess): Promise<Outcome> {
  const closed = once(child, 'close');
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, LAST_OUTPUT_MS);
  });
  await Promise.race([closed, deadline]);
  clearTimeout(timer);
  return { code, signal };
}

function toNote({ body, name, site }: AgentEvent): string {
  const place = site === undefined ? '' : `, started at ${siteText(site)}`;
  return `${body || name}${place}`;
}

function endingOf(name: string, { code, signal }: Outcome): string[] {
  if (code === 0) return [];
  return [signal === null ? `${name} ended with exit code ${code}.` : `${name} ended by ${signal}.`];
}

function messageOf(error: unknown): string {
  return printable(error instanceof Error ? error.message : String(error));
}

/** How a program is called in the view: its file without the folders. */
export function programName(script: string | undefined): string {
  return script === undefined ? 'node' : printable(basename(script));
}
