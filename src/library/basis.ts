import type { JobEvent } from '../core/events.ts';
import type { ArchivedCopy, Pin } from '../core/job.ts';
import type { HeldFile } from '../platform/files/door.ts';
import type { Files } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';

/** What every step of an exchange needs. */
export interface ExchangeBasis {
  job: string;
  /** Absolute path of the library. */
  library: string;
  /** The file's path below it. */
  relative: string;
  /** Its identity when it was encoded. */
  pin: Pin;
  /** Absolute; absent where originals are replaced. */
  archiveDir: string | undefined;
  /** Folders nothing may ever be put into. */
  forbidden: readonly string[];
  files: Files;
  log: Logger;
}

export interface ExchangeOptions extends ExchangeBasis {
  /** The source, as it is held open. */
  source: HeldFile;
  /** What an earlier attempt recorded. */
  before: { archiving?: string | undefined; archived?: ArchivedCopy | undefined };
  signal: AbortSignal;
  /** Resolves when it is durable in the journal. */
  record(event: JobEvent): Promise<void>;
  /** @throws ShrinkError where the source is no longer what was encoded. */
  checkSource(): Promise<void>;
}
