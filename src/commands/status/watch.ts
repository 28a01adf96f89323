import type { ControlClient } from '../../api/client.ts';
import { escapeJsonForTerminal } from '../../core/escape.ts';
import { every } from '../../platform/async.ts';
import { sleep } from '../../platform/clock.ts';
import { connect, findDaemon, openJournalReader, type Reader } from '../support/connect.ts';
import type { Context } from '../support/context.ts';
import { EXIT } from '../support/exit-codes.ts';
import { asTyped } from '../support/terminal.ts';
import { shownJobs, statusLines } from './lines.ts';

/** Changes within this time are shown together, milliseconds. */
const DEBOUNCE_MS = 100;
/** How often to check for a daemon if none is running, and to repaint a terminal, milliseconds. */
const REFRESH_MS = 1_000;

/**
 * Shows the status whenever something changes, until Ctrl-C (the shell's own 130) or until nobody reads. A terminal is
 * repainted in place; elsewhere each status is appended, as a block of lines or, with --json, as one line.
 */
export async function watchStatus(context: Context): Promise<number> {
  const first = await findDaemon(context);
  const { config, broken } = first;
  let { daemon } = first;
  const { io } = context;
  let isAbsent = false;
  while (io.stdout.writable !== false) {
    if (daemon) {
      isAbsent = false;
      const live: ControlClient = daemon;
      await new LiveStatus(context, live).run().finally(() => live.close());
    } else if (!isAbsent) {
      isAbsent = true;
      await show(context, await openJournalReader(context, config, broken));
    }
    await sleep(io.clock, REFRESH_MS);
    daemon = await connect(config);
  }
  return EXIT.fine;
}

/** Shows the status of a running daemon on every change, until the daemon ends or nobody reads any more. */
class LiveStatus {
  readonly #context: Context;
  readonly #daemon: ControlClient;
  readonly #end = new AbortController();
  #painting: Promise<void> | undefined;
  #isStale = false;

  constructor(context: Context, daemon: ControlClient) {
    this.#context = context;
    this.#daemon = daemon;
  }

  async run(): Promise<void> {
    const { clock, stdout } = this.#context.io;
    const stopTicking = every(clock, REFRESH_MS, () => {
      if (stdout.writable === false) this.#end.abort();
      // A terminal also shows how long the daemon has been running; a file or a pipe gets changes only.
      else if (stdout.isTTY) this.#paintSoon();
    });
    try {
      for await (const _change of this.#daemon.events(this.#end.signal)) this.#paintSoon();
    } catch {
      // The daemon ended; the caller looks for it again.
    } finally {
      stopTicking();
    }
    await this.#painting;
  }

  #paintSoon(): void {
    this.#isStale = true;
    this.#painting ??= this.#paint();
  }

  async #paint(): Promise<void> {
    const { clock, stdout } = this.#context.io;
    await Promise.resolve();
    while (this.#isStale && !this.#end.signal.aborted) {
      await sleep(clock, DEBOUNCE_MS);
      this.#isStale = false;
      await show(this.#context, this.#daemon).catch(() => this.#end.abort());
      if (stdout.writable === false) this.#end.abort();
    }
    this.#painting = undefined;
  }
}

async function show(context: Context, from: Pick<Reader, 'status' | 'jobs' | 'job'>): Promise<void> {
  const { stdout } = context.io;
  const status = await from.status();
  if (context.json) {
    stdout.write(`${escapeJsonForTerminal(status, 0)}\n`);
    return;
  }
  const jobs = await shownJobs(from, status);
  const lines = statusLines(context, status, jobs).map(line => asTyped(line, context.io.env));
  if (!stdout.isTTY) {
    stdout.write(`${lines.join('\n')}\n\n`);
    return;
  }
  const rows = Math.max(3, (stdout.rows || 24) - 1);
  // Home, each line with its rest cleared, then everything below: clearing the screen first would flicker.
  stdout.write(
    `\u001b[H${lines
      .slice(0, rows)
      .map(line => `${line}\u001b[K\n`)
      .join('')}\u001b[J`,
  );
}
