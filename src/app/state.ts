import { join } from 'node:path';
import { type Journal, openJournal } from '../journal/journal.ts';
import { acquireLock } from '../journal/lock.ts';
import { prepareStateDir } from '../journal/state-dir.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { Ledger, replayInto } from '../queue/ledger.ts';
import type { Lifetime } from './lifetime.ts';

/** The state directory of this daemon: locked, its journal replayed into the ledger. */
export interface State {
  readonly dir: string;
  /** Contains a folder for the working files of each job. */
  readonly workRoot: string;
  readonly journal: Journal;
  /** Every job, and the only writer of the journal. */
  readonly ledger: Ledger;
}

export interface StateOptions {
  clock: Clock;
  log: Logger;
  version: string;
  life: Lifetime;
}

/** @throws ShrinkError `locked`, `damaged`, `newer-version`, `journal-write`, or whatever makes the directory unusable. */
export async function openState(dir: string, { clock, log, version, life }: StateOptions): Promise<State> {
  await life.starting('the state directory', prepareStateDir(dir));
  const lock = await life.starting('the lock', acquireLock({ stateDir: dir, version }));
  life.defer(() => lock.release());

  // Each needs the other: the journal is replayed into the ledger, and only then does the ledger append to it.
  const ledger: Ledger = new Ledger({ append: entries => journal.append(entries) }, clock);
  const opening = openJournal({
    dir: join(dir, 'journal'),
    clock,
    log,
    onRecord: (record, position) => replayInto(ledger, record, position),
    onFatal: life.fail,
  });
  const journal = await life.starting('the journal', opening);
  life.defer(() => journal.close());
  return { dir, workRoot: join(dir, 'work'), journal, ledger };
}
