/** `why` completes a sentence: what went wrong, without a full stop. */
interface Because {
  why: string;
}

export const QUEUE_EN = {
  // Why a job is queued again.
  'queue.after-restart': 'continued after a restart',
  'queue.after-stop': 'shrinkbox was stopped; the job continues at the next start',
  'queue.wait-over': 'the wait is over',
  'queue.asked-again': 'a person asked for another try',
  'queue.tried-again': 'trying again',
  'queue.instruction-changed': 'the instruction beside the file changed',
  'queue.inbox-moved': 'its inbox is there again, under another path',
  'queue.renamed': 'the file was renamed while it was being processed; the job continues under its new name',
  'queue.fell-back': ({ why }: Because) => `the cloud could not do it (${why}); this machine does it instead`,

  // Why a job ended, waits or is held.
  'queue.cancelled': 'cancelled by a person',
  'queue.replaced': 'the file was changed; the new version gets a job of its own',
  'queue.removed': 'the file was removed before it was done',
  'queue.superseded': ({ why }: Because) => `${why}; the new version gets a job of its own`,
  'queue.changed-underneath': ({ file }: { file: string }) => `${file} was changed while it was being processed`,
  'queue.set-aside': ({ tries, why }: Because & { tries: number }) => `set aside after ${tries} tries: ${why}`,
  'queue.internal-error': ({ why }: Because) => `internal error in shrinkbox: ${why}`,
  'queue.internal-error-hint': 'Please report it with the log; the file is untouched.',
  'queue.no-engine': ({ engine }: { engine: string }) => `the ${engine} engine is not set up`,
  'queue.no-engine-hint': 'See "The cloud engine" in the README.',
  'queue.result-missing': 'the finished file was missing after a restart; it is being made again',
  'queue.unreadable-hint':
    'Let the user shrinkbox runs as read it (owner, group or mode); shrinkbox then picks it up by itself.',
  'queue.incomplete-hint': 'Copy the file again; shrinkbox picks it up by itself when it changes.',

  // Why a complete file has no job yet.
  'queue.comparing': 'its date changed; it is being compared with what was processed',
  'queue.compare-later': 'its date changed again; it was compared a moment ago, so that is done later',
  'queue.read-later': ({ why }: Because) => `${why}; it is tried again by itself`,
  'queue.read-too-slow': ({ path }: { path: string }) => `${path} could not be read in time`,
  'queue.admission-stopped': 'shrinkbox is stopping',

  // Why a start is refused.
  'queue.record-unfit': ({ file, line, why }: Because & { file: string; line: number }) => `${file}:${line}: ${why}`,
  'queue.start-anew': 'Move the state directory aside to start over; sources and results are untouched.',

  // After delivery.
  'queue.original-damaged': 'the original stays where it is, because parts of it are damaged',
  'queue.original-stays': ({ why }: Because) => `the original stays where it is: ${why}`,
  'queue.original-later': ({ why }: Because) =>
    `the result is delivered, but the original cannot be put away yet: ${why}`,

  // What happens right now.
  'queue.reading-source': 'reading the source',
  'queue.verifying': 'verifying',
  'queue.delivering': 'delivering',

  // Answers to what a person asked for.
  'queue.no-such-job': ({ id }: { id: string }) => `there is no job ${id}; "shrinkbox jobs" lists them`,
  'queue.not-now': ({ id, file, why }: Because & { id: string; file: string }) => `job ${id} (${file}): ${why}`,
  'queue.done-already': 'it is done; use forget to have the file processed again',
  'queue.state-already': ({ state }: { state: string }) => `it is ${state} already`,
  'queue.being-delivered': 'it is being delivered right now',
  'queue.cancel-first': ({ state }: { state: string }) => `it is ${state}; cancel it first`,
  'queue.ask-later': ({ state }: { state: string }) => `it is ${state}; ask again when it is done`,
  'queue.original-deleted': 'its original was deleted, as the folder says',
  'queue.original-kept': 'its original was never archived',
};
