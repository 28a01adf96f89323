/** Answers what can be answered without a daemon, from the journal. Nothing is written. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/load.ts';
import type { StateName } from '../core/job.ts';
import { messageOf } from '../core/message.ts';
import { readJournal } from '../journal/replay.ts';
import { say } from '../messages/say.ts';
import type { Clock } from '../platform/clock.ts';
import { Ledger } from '../queue/ledger.ts';
import { replayInto } from '../queue/ledger.ts';
import type { ControlReader, Explanation, JobDetail, JobView, StatusView } from './types.ts';
import { detailOf, viewOf } from './views.ts';

export interface JournalControlOptions {
  config: Config;
  version: string;
  clock: Clock;
  /** Builds what explains a file; called only when needed. */
  explain(ledger: Ledger): Promise<(path: string) => Promise<Explanation>>;
}

/** @throws ShrinkError damaged or newer-version, as the daemon would. */
export async function openJournalControl(options: JournalControlOptions): Promise<ControlReader> {
  const ledger = new Ledger({ append: refuse }, options.clock);
  await readJournal({
    dir: join(options.config.stateDir, 'journal'),
    onRecord: (record, position) => replayInto(ledger, record, position),
  });
  return new JournalControl(ledger, options);
}

async function refuse(): Promise<void> {
  throw new Error('the journal is only read here');
}

class JournalControl implements ControlReader {
  readonly #ledger: Ledger;
  readonly #options: JournalControlOptions;

  constructor(ledger: Ledger, options: JournalControlOptions) {
    this.#ledger = ledger;
    this.#options = options;
  }

  status(): StatusView {
    const { config, version } = this.#options;
    const { done, sourceBytes, outputBytes } = this.#ledger.totals();
    return {
      version,
      running: false,
      pid: null,
      started_at: null,
      mode: 'stopped',
      state_dir: config.stateDir,
      page: null,
      local_hours: null,
      counts: this.#ledger.counts(),
      totals: { done, source_bytes: sourceBytes, output_bytes: outputBytes, saved_bytes: sourceBytes - outputBytes },
      engines: [],
      folders: config.folders.map(folderView),
    };
  }

  jobs(state?: StateName): JobView[] {
    const found: JobView[] = [];
    for (const job of this.#ledger.all()) if (!state || job.state.name === state) found.push(viewOf(job));
    return found.reverse();
  }

  job(id: string): JobDetail | undefined {
    const job = this.#ledger.find(id);
    return job && detailOf(job);
  }

  async explain(path: string): Promise<Explanation> {
    return (await this.#options.explain(this.#ledger))(path);
  }
}

function folderView({ inbox, outbox }: Config['folders'][number]): StatusView['folders'][number] {
  const available = statSync(inbox, { throwIfNoEntry: false })?.isDirectory() === true;
  const missing = available ? undefined : say('api.inbox-missing', { inbox });
  return {
    inbox,
    outbox,
    available,
    reason: missing?.text ?? null,
    messages: { reason: messageOf(missing) },
    polled: false,
    pending: 0,
    arriving: [],
    left_alone: [],
    last_scan_age_ms: null,
  };
}
