import { formatDuration } from '../../core/units.ts';

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
  'queue.cancel-undone': 'a person undid the cancellation; it continues where it was',
  'queue.other-words': 'a person asked for something else',
  'queue.inbox-moved': 'its inbox is there again, under another path',
  'queue.renamed': 'the file was renamed while it was being processed; the job continues under its new name',
  'queue.fell-back': ({ why }: Because) => `the cloud could not do it (${why}); this machine does it instead`,

  // Why a job ended, waits or is held.
  'queue.cancelled': 'cancelled by a person',
  'queue.replaced': 'the file was changed; the new version gets a job of its own',
  'queue.settled': ({ file, job }: { file: string; job: string }) =>
    `what was asked for instead is delivered: ${file} (job ${job})`,
  'queue.removed': 'the file was removed before it was done',
  'queue.superseded': ({ why }: Because) => `${why}; the new version gets a job of its own`,
  'queue.changed-underneath': ({ file }: { file: string }) => `${file} was changed while it was being processed`,
  'queue.set-aside': ({ tries, why }: Because & { tries: number }) => `set aside after ${tries} tries: ${why}`,
  'queue.internal-error': ({ why }: Because) => `internal error in shrinkbox: ${why}`,
  'queue.internal-error-hint': 'Please report it with the log; the file is untouched.',
  'queue.cloud-result-hint':
    'Nothing was delivered, and the original is untouched. Retry, which is free: the result is fetched again, and rendered again if it is the same. If that does not help, change the instruction, or set fallback: local in the rule.',
  'queue.made-here-hint':
    'Nothing was delivered, and the original is untouched. Retry to have this machine make the file again: nothing is sent and nothing is paid. If that does not help, please report it with the log.',
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
  'queue.original-damaged': 'the original stays where it is, because parts of it cannot be read',
  'queue.original-holds-more.part': 'the original stays where it is, because only a part of it was asked for',
  'queue.original-holds-more.sound': 'the original stays where it is, because its sound was to be left out',
  'queue.original-holds-more.edit': 'the original stays where it is, because an edit of it was asked for',
  'queue.original-words-by-stranger':
    'the original stays where it is, because the words for it are by another user than the file, or lay beside another file',
  'queue.original-words-by-anybody':
    'the original stays where it is, because the words for it came over the page without a token, from anybody on this machine',
  'queue.original-empty-end':
    'its end holds nothing, which is room for more that was never written, or a camera’s padding; the result ends before it',
  'queue.original-stays': ({ why }: Because) => `the original stays where it is: ${why}`,
  'queue.may-go-on': ({ ms }: { ms: number }) =>
    `its format does not say where it ends, and who writes to it cannot be seen; it is put away once nothing has been added for ${formatDuration(ms)}`,
  'queue.original-later': ({ why }: Because) =>
    `the result is delivered, but the original cannot be put away yet: ${why}`,

  // What happens right now.
  'queue.reading-source': 'reading the source',
  'queue.verifying': 'verifying',
  'queue.delivering': 'delivering',

  // Answers to what a person asked for.
  'queue.no-such-job': ({ id }: { id: string }) => `there is no job ${id}; "shrinkbox jobs" lists them`,
  'queue.not-now': ({ id, file, why }: Because & { id: string; file: string }) => `job ${id} (${file}): ${why}`,
  'queue.refused': ({ why, hint }: Because & { hint: string }) => `${why}. ${hint}`,
  'queue.paused': 'paused by a person; resume it to continue',
  'queue.move-begun': 'it is not waiting in the queue, so it cannot be moved',
  'queue.move-before-begun': 'the other job is not waiting in the queue',
  'queue.move-other-folder': 'folders take turns; move it before a job of its own folder, or to the top',
  'queue.move-sorted': 'the queue is sorted by saving; move it to the top instead',
  'queue.cloud-at-work': 'the cloud is working on it and cannot be paused; cancel it instead',
  'queue.not-paused': 'it is not paused',
  'queue.done-already': 'it is done; use forget to have the file processed again',
  'queue.state-already': ({ state }: { state: string }) => `it is ${state} already`,
  'queue.being-delivered': 'it is being delivered right now',
  'queue.cancel-first': ({ state }: { state: string }) => `it is ${state}; cancel it first`,
  'queue.ask-later': ({ state }: { state: string }) => `it is ${state}; ask again when it is done`,
  'queue.original-deleted': 'its original was deleted, as the folder says',
  'queue.original-kept': 'no original of it is in the archive: none was put there, or it is back already',
};
