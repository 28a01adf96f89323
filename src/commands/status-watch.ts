import { connect, openJournalReader, type Reader } from './support/connect.ts';
import type { ControlClient } from '../api/client.ts';
import type { Context } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';
import { shownJobs, statusLines } from './status-lines.ts';
import { safeJson } from './support/terminal.ts';
import { type Clock, sleep } from '../platform/clock.ts';

/** A burst of changes is shown once, after this long. */
const CALM_MS = 100;
/** How long to wait for a daemon that is not there before looking again. */
const AGAIN_MS = 1_000;

/**
 * Shows the status whenever something changes, until Ctrl-C (the shell's own 130) or until nobody reads. On a terminal the
 * screen is painted again; elsewhere, or with --json, a block or a line follows the other.
 */
export async function watchStatus(context: Context): Promise<number> {
  const config = await context.loadConfig();
  const { io } = context;
  let absent = false;
  while (io.stdout.writable !== false) {
    const daemon = await connect(config);
    if (daemon) {
      absent = false;
      await follow(context, daemon).finally(() => daemon.close());
    } else if (!absent) {
      absent = true;
      const reader = await openJournalReader(context, config);
      await show(context, reader);
    }
    await sleep(io.clock, AGAIN_MS);
  }
  return EXIT.fine;
}

type Shown = Pick<Reader, 'status' | 'jobs' | 'job'>;

/** Paints on every change until the daemon ends or nobody reads any more. */
async function follow(context: Context, daemon: ControlClient): Promise<void> {
  const { io } = context;
  const from: Shown = {
    status: () => daemon.status(),
    jobs: wanted => daemon.jobs(wanted),
    job: id => daemon.job(id),
  };
  const end = new AbortController();
  let painting: Promise<void> | undefined;
  let stale = false;
  const paintSoon = () => {
    stale = true;
    painting ??= paint().finally(() => {
      painting = undefined;
    });
  };
  async function paint(): Promise<void> {
    while (stale && !end.signal.aborted) {
      await sleep(io.clock, CALM_MS);
      stale = false;
      await show(context, from).catch(() => end.abort());
      if (io.stdout.writable === false) end.abort();
    }
  }
  const ticking = every(io.clock, AGAIN_MS, () => {
    if (io.stdout.writable === false) end.abort();
    // How long it has been running moves on by itself; a file or a pipe gets changes only.
    else if (io.stdout.isTTY) paintSoon();
  });
  try {
    for await (const _change of daemon.events(end.signal)) paintSoon();
  } catch {
    // The daemon ended; it is looked for again.
  } finally {
    ticking();
  }
  await painting;
}

/** Calls back every `ms` until the returned function is called. */
function every(clock: Clock, ms: number, callback: () => void): () => void {
  let cancel = clock.after(ms, tick);
  function tick(): void {
    cancel = clock.after(ms, tick);
    callback();
  }
  return () => cancel();
}

async function show(context: Context, from: Shown): Promise<void> {
  const { io } = context;
  const status = await from.status();
  if (context.json) {
    io.stdout.write(`${safeJson(status, 0)}\n`);
    return;
  }
  const lines = statusLines(context, status, await shownJobs(from, status));
  if (!io.stdout.isTTY) {
    io.stdout.write(`${lines.join('\n')}\n\n`);
    return;
  }
  const rows = Math.max(3, (io.stdout.rows || 24) - 1);
  // Home, each line with its rest cleared, then everything below: no flicker as clearing the screen first would give.
  io.stdout.write(
    `\u001b[H${lines
      .slice(0, rows)
      .map(line => `${line}\u001b[K\n`)
      .join('')}\u001b[J`,
  );
}
