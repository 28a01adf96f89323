/** Answers what can be read without a daemon, from the journal. Nothing is written. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/load.ts';

import type { Job, StateName } from '../core/job.ts';
import type { ControlReader, Explanation, JobDetail, JobView, StatusView } from './types.ts';
import { detailOf, viewOf } from './views.ts';
import { readJournal } from '../journal/replay.ts';
import type { Clock } from '../platform/clock.ts';
import { Ledger } from '../queue/ledger.ts';
import { replayInto } from '../queue/replaying.ts';

export interface OfflineOptions {
  config: Config;
  version: string;
  clock: Clock;
  /** Builds what explains a file, when somebody asks. */
  explain(ledger: Ledger): Promise<(path: string) => Promise<Explanation>>;
}

/** @throws ShrinkError damaged or newer-version, as the daemon would. */
export async function openOffline(options: OfflineOptions): Promise<ControlReader> {
  const { config } = options;
  const ledger = new Ledger({ append: refuse }, options.clock);
  await readJournal({
    dir: join(config.stateDir, 'journal'),
    onRecord: (record, position) => replayInto(ledger, record, position),
  });
  return {
    status: () => statusOf(ledger, options),
    jobs: state => jobsOf(ledger, state),
    job: id => detail(ledger, id),
    explain: async path => (await options.explain(ledger))(path),
  };
}

async function refuse(): Promise<void> {
  throw new Error('the journal is only read here');
}

function statusOf(ledger: Ledger, { config, version }: OfflineOptions): StatusView {
  const { done, sourceBytes, outputBytes } = ledger.totals();
  return {
    version,
    running: false,
    pid: null,
    started_at: null,
    mode: 'stopped',
    state_dir: config.stateDir,
    page: null,
    counts: ledger.counts(),
    totals: { done, source_bytes: sourceBytes, output_bytes: outputBytes, saved_bytes: sourceBytes - outputBytes },
    engines: [],
    folders: config.folders.map(({ inbox, outbox }) => {
      const available = statSync(inbox, { throwIfNoEntry: false })?.isDirectory() === true;
      return {
        inbox,
        outbox,
        available,
        reason: available ? null : `${inbox} is not there`,
        polled: false,
        pending: 0,
        arriving: [],
        last_scan_age_ms: null,
      };
    }),
  };
}

function jobsOf(ledger: Ledger, state: StateName | undefined): JobView[] {
  const found: JobView[] = [];
  for (const job of ledger.all()) if (!state || job.state.name === state) found.push(viewOf(job));
  return found.reverse();
}

/** By id, or by a beginning of it that only one has. */
function detail(ledger: Ledger, id: string): JobDetail | undefined {
  const exact = ledger.get(id);
  if (exact || id.length < 3) return exact && detailOf(exact);
  const matching: Job[] = [];
  for (const job of ledger.all()) if (job.id.startsWith(id)) matching.push(job);
  return matching.length === 1 && matching[0] ? detailOf(matching[0]) : undefined;
}
