/** Answers what can be answered without a daemon, from the journal. Nothing is written. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { archiveOf } from './archive.ts';
import { allFolders } from '../config/libraries.ts';
import type { Config } from '../config/load.ts';
import type { StateName } from '../core/job.ts';
import { messageOf } from '../core/message.ts';
import { readJournal } from '../journal/replay.ts';
import { say } from '../messages/say.ts';
import type { Clock } from '../platform/clock.ts';
import { Ledger } from '../queue/ledger.ts';
import { replayInto } from '../queue/ledger.ts';
import type { ArchiveView, ControlReader, Explanation, JobDetail, JobView, StatusView } from './types.ts';
import { totalsView } from './savings.ts';
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
  return new JournalControl(await openLedger(options.config, options.clock), options);
}

/** What the journal says, to be read only. @throws as `openJournalControl` does. */
export async function openLedger({ stateDir }: Pick<Config, 'stateDir'>, clock: Clock): Promise<Ledger> {
  const ledger = new Ledger({ append: refuse }, clock);
  await readJournal({
    dir: join(stateDir, 'journal'),
    onRecord: (record, position) => replayInto(ledger, record, position),
  });
  return ledger;
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
    return {
      version,
      running: false,
      pid: null,
      started_at: null,
      mode: 'stopped',
      state_dir: config.stateDir,
      libraries: config.libraries.length,
      page: null,
      local_hours: null,
      counts: this.#ledger.counts(),
      queue: { order: this.#ledger.order, left_ms: null, finish_at: null },
      totals: totalsView(this.#ledger.counts().done, this.#ledger.space()),
      engines: [],
      folders: config.folders.map(folderView),
    };
  }

  jobs(state?: StateName): JobView[] {
    const found: JobView[] = [];
    for (const job of this.#ledger.all()) if (!state || job.state.name === state) found.push(viewOf(job));
    return found.reverse();
  }

  line(): string[] {
    return [];
  }

  job(id: string): JobDetail | undefined {
    const job = this.#ledger.find(id);
    return job && detailOf(job);
  }

  archive(): ArchiveView {
    return archiveOf(this.#ledger.all(), allFolders(this.#options.config));
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
    disks: [],
    last_scan_age_ms: null,
  };
}
